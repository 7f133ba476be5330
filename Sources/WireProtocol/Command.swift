/// A queued restart or stop as `GET /commands` offers it.
package struct Command: Sendable, Hashable, Codable {
    package var id: Int64
    /// `restart` or `stop`; what else a server may say is kept as it came, to be rejected by name.
    package var action: String
    package var type: String
    package var target: String
    package var agent: String?
    package var issuedAt: WireTime?
    /// Seconds from receipt until it must no longer be carried out.
    package var expiresIn: Double?

    package init(
        id: Int64, action: String, type: String, target: String, agent: String? = nil, issuedAt: WireTime? = nil,
        expiresIn: Double? = nil
    ) {
        self.id = id
        self.action = action
        self.type = type
        self.target = target
        self.agent = agent
        self.issuedAt = issuedAt
        self.expiresIn = expiresIn
    }

    package enum CodingKeys: String, CodingKey {
        case id, action, type, target, agent
        case issuedAt = "issued_at"
        case expiresIn = "expires_in"
    }
}

/// The two things a queue may ask for.
package enum CommandAction: String, Sendable, Hashable, Codable, CaseIterable {
    case restart, stop
}

/// The body of `POST /commands/{id}/result`.
package struct CommandResult: Sendable, Hashable, Codable {
    package enum Status: String, Sendable, Hashable, Codable, CaseIterable {
        case completed, failed, rejected
    }

    package var status: Status
    package var message: String?

    package init(status: Status, message: String? = nil) {
        self.status = status
        self.message = message
    }
}
