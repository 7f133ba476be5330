import FoundationEssentials

extension Report {
    private struct File: Encodable {
        var machine: String
        var rows: [Line]
    }

    private struct Line: Encodable {
        var title: String
        var ours: Value
        var python: Value
        var bar: String
        var passed: Bool?
        var note: String?
    }

    private struct Value: Encodable {
        var medianMilliseconds: Double?
        var p99Milliseconds: Double?
        var samples: Int?
        var expected: Int?
        var count: Int?
        var none: String?
        var millisecondsEach: [Double]?

        init(_ figure: Figure) {
            switch figure {
            case .latency(let samples, let expected):
                medianMilliseconds = samples.median?.milliseconds
                p99Milliseconds = samples.p99?.milliseconds
                self.samples = samples.count
                self.expected = expected
                millisecondsEach = samples.values.map(\.milliseconds)
            case .count(let count):
                self.count = count
            case .none(let reason):
                none = reason
            }
        }
    }

    /// Everything measured, sample by sample.
    func write(to path: String) throws {
        let lines = rows.map { row in
            Line(
                title: row.title, ours: Value(row.ours), python: Value(row.python), bar: row.bar.text,
                passed: row.isReached, note: row.note)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(File(machine: machine, rows: lines)).write(to: URL(filePath: path))
    }
}
