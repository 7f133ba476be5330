package import WireProtocol

/// A command that the ledger has taken and that waits to be carried out.
package struct CommandTicket: Sendable, Hashable {
    package var key: CommandKey
    package var action: CommandAction
    /// From this moment on it must not be begun.
    package var expires: BootInstant?

    package init(key: CommandKey, action: CommandAction, expires: BootInstant? = nil) {
        self.key = key
        self.action = action
        self.expires = expires
    }
}

extension CommandResult {
    /// Of a command that the next runner would not know of.
    package static let unwritten = CommandResult(
        status: .failed, message: "not carried out: the runner's state directory can't be written")
    /// Of a command whose runner ended in the middle of it, where nothing shows what became of it.
    package static let interrupted = CommandResult(
        status: .failed, message: "outcome unknown: the runner ended while it carried this out")
}

/// What makes a command one command: a server that was set up anew may use an id again.
package struct CommandKey: Sendable, Hashable, Codable, CustomStringConvertible {
    package var endpoint: String
    package var id: Int64
    /// The server's text or milliseconds of issue; nil from servers that do not tell.
    package var issuedAt: Int64?

    package init(endpoint: String, id: Int64, issuedAt: Int64? = nil) {
        self.endpoint = endpoint
        self.id = id
        self.issuedAt = issuedAt
    }

    /// Stands for an endpoint in what a person on this host asked for; no URL.
    package static let host = "host"

    /// An operator of this host asked, and nobody else is told how it ended.
    package var isOfHost: Bool { endpoint == Self.host }

    package var description: String { isOfHost ? "an operator" : "command \(id)" }
}
