/// What was measured of one contender for one row.
enum Figure: Sendable {
    /// `of` is how many there should be.
    case latency(Samples, of: Int)
    case count(Int)
    /// `beside` is told with it, and bars do not look at it.
    case amount(Double, Unit, beside: String? = nil)
    case none(String)

    enum Unit: String, Sendable {
        case seconds = "s"
        case mebibytes = "MiB"
        case megabytes = "MB"
        case aMinute = "a minute"
        case times = "×"

        func text(_ amount: Double) -> String {
            let digits =
                switch self {
                case .seconds: 1e4
                case .times: 1e3
                case .aMinute: 1e2
                case .mebibytes, .megabytes: 1e1
                }
            return "\((amount * digits).rounded() / digits) \(rawValue)"
        }
    }

    /// Short, for the table.
    var text: String {
        switch self {
        case .latency(let samples, let expected):
            guard let median = samples.median, let p99 = samples.p99 else { return "0 of \(expected)" }
            let n = samples.count == expected ? "n \(expected)" : "\(samples.count) of \(expected)"
            return "\(median.shortText), p99 \(p99.shortText), \(n)"
        case .count(let count): return "\(count)"
        case .amount(let amount, let unit, let beside): return unit.text(amount) + (beside.map { " (\($0))" } ?? "")
        case .none(let reason): return reason
        }
    }
}

/// What our figure must reach.
enum Bar: Sendable {
    case latency(median: Duration, p99: Duration? = nil)
    case atMost(Int)
    case exactly(Int)
    /// The median no more than that many times the other's, measured in turn.
    case times(Double, Figure, than: String = "by hand")
    /// Neither more than `most` nor, where that is given, than half of the other's.
    case amountAtMost(Double, Figure.Unit, halfOf: Figure? = nil)

    var text: String {
        switch self {
        case .latency(let median, nil): "≤ \(median.shortText)"
        case .latency(let median, let p99?): "≤ \(median.shortText), p99 ≤ \(p99.shortText)"
        case .atMost(let count): "≤ \(count)"
        case .exactly(let count): "\(count)"
        case .times(let factor, _, let other): "≤ \(factor) × \(other)"
        case .amountAtMost(let most, let unit, nil): "≤ \(unit.text(most))"
        case .amountAtMost(let most, let unit, .some): "≤ \(unit.text(most)), and half of Python's"
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
        case (.exactly(let wanted), .count(let count)):
            return count == wanted
        case (.times(let factor, .latency(let others, _), _), .latency(let samples, let expected)):
            guard samples.count == expected, others.count == expected, let median = samples.median,
                let other = others.median
            else { return false }
            return median <= other * factor
        case (.amountAtMost(let most, let unit, let other), .amount(let amount, let measured, _)):
            if case .amount(let whole, _, _) = other, amount > whole / 2 { return false }
            return measured == unit && amount <= most
        case (.latency, _), (.atMost, _), (.exactly, _), (.times, _), (.amountAtMost, _):
            return false
        }
    }
}

/// One line of the table.
struct Row: Sendable {
    var title: String
    var ours: Figure
    /// Ours, over TLS.
    var tls: Figure?
    var python: Figure?
    var monit: Figure?
    /// The same, done by hand.
    var byHand: Figure?
    /// `nil` for what is only told.
    var bar: Bar?
    /// What else was measured of the same thing, for scale.
    var note: String?

    /// `nil` for what was left out.
    var isReached: Bool? {
        if case .none = ours { return nil }
        return bar?.isReached(by: ours)
    }
}

/// The rows as people and programs read them.
struct Report: Sendable {
    var machine: String
    var rows: [Row] = []

    /// What it costs to run, with its own columns.
    var footprint: [Row] = []

    /// What concerns ours alone, or beside what was done by hand.
    var ours: [Row] = []

    var isReached: Bool { (rows + footprint + ours).allSatisfy { $0.isReached != false } }

    var table: String {
        let notes = rows.compactMap { row in row.note.map { "\(row.title): \($0)" } }
        let tables = [
            drawn(rows, ["ours", "Python runner 0.1.0"]) { [$0.ours.text, $0.python?.text ?? ""] },
            notes.joined(separator: "\n"),
            drawn(footprint, ["ours", "over TLS", "Python runner 0.1.0", "monit"]) {
                [$0.ours.text, $0.tls?.text ?? "", $0.python?.text ?? "", $0.monit?.text ?? ""]
            },
            drawn(ours, ["ours", "by hand"]) { [$0.ours.text, $0.byHand?.text ?? ""] },
        ]
        return ([machine] + tables).filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    private func drawn(_ rows: [Row], _ columns: [String], _ figures: (Row) -> [String]) -> String {
        guard !rows.isEmpty else { return "" }
        let header = [""] + columns + ["must reach", ""]
        let lines =
            [header]
            + rows.map { row in
                [row.title] + figures(row) + [row.bar?.text ?? "", row.isReached.map { $0 ? "PASS" : "MISS" } ?? ""]
            }
        let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
        }.joined(separator: "\n")
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
