/// A soak on one page: what was done, and the first quarter of the time beside the last.
struct SoakReport: Sendable {
    struct Row: Sendable {
        var quantity: SoakSample.Quantity
        /// The highest in the first and in the last quarter.
        var first: Int
        var last: Int

        var isFlat: Bool { quantity.bound(first).map { last <= $0 } ?? true }
    }

    var heading: String
    var rows: [Row]

    init(_ heading: String, _ samples: [SoakSample]) {
        self.heading = heading
        let quarter = max(1, samples.count / 4)
        rows = SoakSample.Quantity.allCases.map { quantity in
            let values = samples.map { $0.values[quantity] ?? 0 }
            return Row(
                quantity: quantity, first: values.prefix(quarter).max() ?? 0, last: values.suffix(quarter).max() ?? 0)
        }
    }

    var text: String {
        let lines = rows.map { row in
            let bound = row.quantity.bound(row.first).map { "at most \($0)" } ?? "grows with the history"
            return Self.columns([
                row.quantity.rawValue, "\(row.first)", "\(row.last)", bound, row.isFlat ? "" : "<-- too much",
            ])
        }
        return ([heading, Self.columns(["highest in a quarter", "first", "last", "bar", ""])] + lines)
            .joined(separator: "\n")
    }

    private static func columns(_ words: [String]) -> String {
        zip(words, [30, 12, 12, 24, 0]).map { $0 + String(repeating: " ", count: max(1, $1 - $0.count)) }.joined()
    }
}
