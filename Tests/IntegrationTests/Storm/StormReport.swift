/// A storm on one page.
struct StormReport: Sendable {
    private let verdicts: [StormVerdict]
    private let leftovers: [String]
    private let heading: String

    init(_ verdicts: [StormVerdict], _ leftovers: [String], seed: UInt64, _ duration: Duration, _ record: StormRecord) {
        self.verdicts = verdicts
        self.leftovers = leftovers
        let deaths = verdicts.reduce(0) { $0 + $1.deaths }
        let outages = StormTarget.Place.allCases.map { "\($0) \(record.outages[$0, default: []].count)" }
        heading = """
            Storm with seed \(seed): \(deaths) deaths of \(verdicts.count) targets in \(Self.seconds(duration)); \
            runners started anew: \(outages.joined(separator: ", "))
            """
    }

    var text: String {
        let overlaps = verdicts.reduce(0) { $0 + $1.overlaps }
        let faults = verdicts.flatMap { verdict in verdict.faults.map { "\(verdict.target.name): \($0)" } }
        let excess = verdicts.map(\.longestExcess).max() ?? .zero
        let totals = [
            "copies beside each other: \(overlaps)",
            "longest time without a copy beyond grace and back-off: \(Self.seconds(excess))",
            "beginnings and ends told as interrupted restarts, because the runner ended just then: "
                + "\(verdicts.reduce(0) { $0 + $1.untold })",
            "faults: \(faults.count)",
        ]
        return ([heading] + rows + totals + faults + leftovers.map { "left over: \($0)" }).joined(separator: "\n")
    }

    private var rows: [String] {
        let rows =
            [["place", "kind", "user", "grace", "deaths", "longest gap", "beyond the policy's wait"]]
            + verdicts.map { verdict in
                let target = verdict.target
                return [
                    target.place.rawValue, target.kind.rawValue, "\(target.user)",
                    target.grace.map(Self.seconds) ?? "own", "\(verdict.deaths)", Self.seconds(verdict.longestGap),
                    Self.seconds(verdict.longestExcess),
                ]
            }
        return rows.map { row in
            zip(row, [8, 8, 6, 8, 7, 12, 0]).map { $0 + String(repeating: " ", count: max(1, $1 - $0.count)) }.joined()
        }
    }

    private static func seconds(_ duration: Duration) -> String {
        let milliseconds = Int(duration.inSeconds * 1000)
        let rest = String(abs(milliseconds) % 1000 + 1000).dropFirst()
        return "\(milliseconds < 0 ? "-" : "")\(abs(milliseconds) / 1000).\(rest) s"
    }
}
