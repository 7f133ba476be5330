package import Supervision
package import WireProtocol

/// Judges an offered command: on this runner's own list, one of the two actions, not over yet.
package struct CommandIntake: Sendable {
    package enum Verdict: Sendable, Hashable {
        case carryOut(CommandTicket, on: TargetID)
        case reject(CommandKey, reason: String)
    }

    /// A server's `expires_in` beyond this is as good as none.
    private static let longestLife = 30.0 * 86_400

    private let endpoint: String
    /// The runner's own list.
    var targets: Set<TargetID>

    package init(endpoint: String, targets: Set<TargetID>) {
        self.endpoint = endpoint
        self.targets = targets
    }

    package func key(of command: Command) -> CommandKey {
        CommandKey(endpoint: endpoint, id: command.id, issuedAt: command.issuedAt?.millisecondsSince1970)
    }

    package func judge(_ command: Command, at now: BootInstant) -> Verdict {
        let key = key(of: command)
        guard let action = CommandAction(rawValue: command.action) else {
            let action = PeerWords.line(command.action, limit: 40)
            return .reject(key, reason: "unknown action '\(action)': this runner only knows restart and stop")
        }
        let kind = WatcherKind(rawValue: command.type)
        guard let kind, targets.contains(TargetID(kind: kind, name: command.target)) else {
            let name = PeerWords.line("\(command.type):\(command.target)")
            return .reject(key, reason: "'\(name)' is not on this runner's list (--watch)")
        }
        let id = TargetID(kind: kind, name: command.target)
        var expires: BootInstant?
        if let seconds = command.expiresIn, seconds.isFinite, seconds < Self.longestLife {
            expires = now.advanced(by: .milliseconds(Int64(max(seconds, 0) * 1000)))
        }
        return .carryOut(CommandTicket(key: key, action: action, expires: expires), on: id)
    }
}
