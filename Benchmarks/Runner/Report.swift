/// What was measured of one contender for one row.
enum Figure: Sendable {
    /// `of` is how many there should be.
    case latency(Samples, of: Int)
    case count(Int)
    case none(String)

    /// Short, for the table.
    var text: String {
        switch self {
        case .latency(let samples, let expected):
            guard let median = samples.median, let p99 = samples.p99 else { return "0 of \(expected)" }
            let n = samples.count == expected ? "n \(expected)" : "\(samples.count) of \(expected)"
            return "\(median.shortText), p99 \(p99.shortText), \(n)"
        case .count(let count): return "\(count)"
        case .none(let reason): return reason
        }
    }
}

/// What our figure must reach.
enum Bar: Sendable {
    case latency(median: Duration, p99: Duration? = nil)
    case atMost(Int)

    var text: String {
        switch self {
        case .latency(let median, nil): "≤ \(median.shortText)"
        case .latency(let median, let p99?): "≤ \(median.shortText), p99 ≤ \(p99.shortText)"
        case .atMost(let count): "≤ \(count)"
        }
    }

    /// Whether the figure is complete and good enough.
    func isReached(by figure: Figure) -> Bool {
        switch (self, figure) {
        case (.latency(let medianBar, let p99Bar), .latency(let samples, let expected)):
            guard samples.count == expected, let median = samples.median, let p99 = samples.p99 else { return false }
            return median <= medianBar && p99Bar.map { p99 <= $0 } ?? true
        case (.atMost(let most), .count(let count)):
            return count <= most
        case (.latency, _), (.atMost, _):
            return false
        }
    }
}

/// One line of the table.
struct Row: Sendable {
    var title: String
    var ours: Figure
    var python: Figure
    var bar: Bar
    /// What else was measured of the same thing, for scale.
    var note: String?

    /// `nil` for what was left out.
    var isReached: Bool? {
        if case .none = ours { return nil }
        return bar.isReached(by: ours)
    }
}

/// The rows as people and programs read them.
struct Report: Sendable {
    var machine: String
    var rows: [Row]

    var isReached: Bool { rows.allSatisfy { $0.isReached != false } }

    var table: String {
        let header = ["", "ours", "Python runner 0.1.0", "must reach", ""]
        let lines =
            [header]
            + rows.map { row in
                [
                    row.title, row.ours.text, row.python.text, row.bar.text,
                    row.isReached.map { $0 ? "PASS" : "MISS" } ?? "",
                ]
            }
        let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        let drawn = lines.map { line in
            zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
        }
        let notes = rows.compactMap { row in row.note.map { "\(row.title): \($0)" } }
        return ([machine, ""] + drawn + (notes.isEmpty ? [] : [""] + notes)).joined(separator: "\n")
    }
}

extension Duration {
    /// Three digits and a unit.
    var shortText: String {
        let milliseconds = self.milliseconds
        switch milliseconds {
        case ..<10: return "\((milliseconds * 100).rounded() / 100) ms"
        case ..<1000: return "\((milliseconds * 10).rounded() / 10) ms"
        default: return "\((milliseconds / 100).rounded() / 10) s"
        }
    }
}
