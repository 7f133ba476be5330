/// What is known of a death once it was looked into.
package struct Evidence: Sendable, Hashable {
    /// How the life ended; what becomes known later is told by another one.
    package var end: End
    package var uptime: Duration?
    /// How often the target was restarted within the failure window, before this death.
    package var restarts: Int
    /// The last that was seen of it.
    package var memoryMB: Double?
    /// What it wrote last, the oldest line first, without secrets; nil when that is not known.
    package var lines: [String]?

    package init(
        end: End, uptime: Duration? = nil, restarts: Int = 0, memoryMB: Double? = nil, lines: [String]? = nil
    ) {
        self.end = end
        self.uptime = uptime
        self.restarts = restarts
        self.memoryMB = memoryMB
        self.lines = lines
    }

    /// The facts in one line, then as many of the last lines as there is room for.
    ///
    /// - Parameters:
    ///   - summary: who died and how.
    ///   - limit: how many Unicode scalars there may be.
    func message(_ summary: String, limit: Int) -> String {
        let facts = [
            summary, uptime.map { "was up \($0.inUnits)" },
            restarts > 0 ? "\(restarts) restart\(restarts == 1 ? "" : "s") in 10 min before" : nil,
            memoryMB.map { "last seen with \(Int($0.rounded())) MiB" },
            lines == nil ? "its last lines could not be read" : lines == [] ? "it has written nothing" : nil,
        ]
        let head = String(facts.compactMap { $0 }.joined(separator: "; ").unicodeScalars.prefix(limit))
        var room = limit - head.unicodeScalars.count
        var shown: [String] = []
        for line in (lines ?? []).reversed() {
            room -= line.unicodeScalars.count + 1
            guard room >= 0 else { break }
            shown.append(line)
        }
        return ([head] + shown.reversed()).joined(separator: "\n")
    }
}

extension Duration {
    /// `4 s`, `3 min`, `26 h`, `9 days`.
    fileprivate var inUnits: String {
        let seconds = components.seconds
        return switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) days"
        }
    }
}
