/// A soak on one page: what was done, and what the two programs held in each quarter of the time.
struct SoakReport: Sendable {
    struct Row: Sendable {
        var quantity: SoakSample.Quantity
        /// The highest in each quarter.
        var quarters: [Int]

        private var first: Int { quarters.first ?? 0 }
        private var last: Int { quarters.last ?? 0 }
        var bound: Int? { quantity.bound(first) }
        var isFlat: Bool { bound.map { last <= $0 } ?? true }
    }

    var heading: String
    var rows: [Row]
    /// What was not as it must be, a line each.
    var faults: [String]

    init(_ heading: String, _ samples: [SoakSample], faults: [String]) {
        self.heading = heading
        rows = SoakSample.Quantity.allCases.map { quantity in
            let values = samples.map { $0.values[quantity] ?? 0 }
            let quarters = (0..<4).map { number in
                values[values.count * number / 4..<values.count * (number + 1) / 4].max() ?? 0
            }
            return Row(quantity: quantity, quarters: quarters)
        }
        self.faults =
            faults + rows.filter { !$0.isFlat }.map { "\($0.quantity.rawValue): grew over the bar" }
    }

    var text: String {
        let head = Self.columns(["highest in a quarter", "first", "second", "third", "last", "bar"])
        let lines = rows.map { row in
            let bound = row.bound.map { "at most \($0)" } ?? "grows with the history"
            return Self.columns([row.quantity.rawValue] + row.quarters.map(String.init) + [bound])
        }
        let verdict = faults.isEmpty ? ["verdict: nothing lost, nothing twice, flat"] : ["verdict: NOT GOOD"] + faults
        return ([heading, head] + lines + verdict).joined(separator: "\n")
    }

    private static func columns(_ words: [String]) -> String {
        zip(words, [28, 10, 10, 10, 10, 0]).map { $0 + String(repeating: " ", count: max(1, $1 - $0.count)) }.joined()
    }
}
