extension StubServer {
    /// What a stub server is before anybody scripts it.
    package struct Configuration: Sendable {
        /// How much of the protocol it speaks.
        package enum Knowledge: Sendable, Hashable {
            /// Only what older servers know: no `wait`, and `POST /heartbeat/batch` gets `batchStatus` (404 or 405).
            case base(batchStatus: Int = 404)
            case whole
        }

        /// What happens to a command that was delivered and has no accepted result yet.
        package enum Redelivery: Sendable, Hashable {
            /// Offered in every poll, as an older server that never notes a delivery does.
            case untilResult
            /// Offered in one poll and then never again.
            case once
        }

        package var knowledge: Knowledge
        package var redelivery: Redelivery
        /// The only key that is let in; any key at all when `nil`.
        package var apiKey: String?
        /// The id of the first queued command; the next ones count up.
        package var firstCommandID: Int64
        /// Who it is under TLS; nil for plain HTTP.
        package var identity: TestAuthority.Identity?
        /// Whose certificates its clients must have under TLS; nil when it asks for none.
        package var clients: TestAuthority?
        /// Whether it tells runners that it reads gzip, and reads it; otherwise such a body gets 415.
        package var offersGzip: Bool
        /// The port of the server behind, which then gives every answer that is not scripted.
        package var upstream: Int?

        /// - Parameter offersGzip: Nil for what it is with that knowledge: only the whole protocol has it.
        package init(
            knowledge: Knowledge = .whole, redelivery: Redelivery = .once, apiKey: String? = nil,
            firstCommandID: Int64 = 1_795_000_000, identity: TestAuthority.Identity? = nil,
            clients: TestAuthority? = nil,
            offersGzip: Bool? = nil, upstream: Int? = nil
        ) {
            self.clients = clients
            self.upstream = upstream
            self.offersGzip = offersGzip ?? (knowledge == .whole)
            self.identity = identity
            self.knowledge = knowledge
            self.redelivery = redelivery
            self.apiKey = apiKey
            self.firstCommandID = firstCommandID
        }

        /// Speaks only the base protocol and offers a command until its result was taken.
        package static let olderServer = Configuration(knowledge: .base(), redelivery: .untilResult)
    }
}
