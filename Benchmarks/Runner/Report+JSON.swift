import FoundationEssentials

extension Report {
    private struct File: Encodable {
        var machine: String
        var rows: [Line]
        var footprint: [Line]
        var ours: [Line]
    }

    private struct Line: Encodable {
        var title: String
        var ours: Value
        var tls: Value?
        var python: Value?
        var monit: Value?
        var byHand: Value?
        var bar: String?
        var passed: Bool?
        var note: String?
    }

    private struct Value: Encodable {
        var medianMilliseconds: Double?
        var p99Milliseconds: Double?
        var samples: Int?
        var expected: Int?
        var count: Int?
        var amount: Double?
        var unit: String?
        var beside: String?
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
            case .amount(let amount, let unit, let beside):
                self.amount = amount
                self.unit = unit.rawValue
                self.beside = beside
            case .none(let reason):
                none = reason
            }
        }
    }

    /// Everything measured, sample by sample.
    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let file = File(
            machine: machine, rows: lines(of: rows), footprint: lines(of: footprint), ours: lines(of: ours))
        try encoder.encode(file).write(to: URL(filePath: path))
    }

    private func lines(of rows: [Row]) -> [Line] {
        rows.map { row in
            Line(
                title: row.title, ours: Value(row.ours), tls: row.tls.map { Value($0) },
                python: row.python.map { Value($0) },
                monit: row.monit.map { Value($0) }, byHand: row.byHand.map { Value($0) }, bar: row.bar?.text,
                passed: row.isReached, note: row.note)
        }
    }
}
