import HTTPTypes
import Hummingbird
import NIOConcurrencyHelpers
import ServerDomain
import WireProtocol

/// Decides who may ask for what: the key, its scope and its rate.
struct APIAccess: Sendable {
    let keys: any KeyRepository
    /// Nil lifts the limit.
    let limit: RateLimit?
    let clock: ServerClock
    // One entry for each key that exists; touched from every request at once.
    private let buckets = NIOLockedValueBox<[Int64: RateLimit.Bucket]>([:])

    init(keys: any KeyRepository, limit: RateLimit?, clock: ServerClock) {
        self.keys = keys
        self.limit = limit
        self.clock = clock
    }

    /// Lets a request in.
    ///
    /// - Parameter isCounted: Polls are free of the limit.
    /// - Throws: `APIRefusal` with 401, 403 or 429.
    func admit(_ request: Request, for scope: KeyScope, isCounted: Bool = true) throws -> APIKey {
        guard let text = request.headers[.apiKey], text.utf8.count <= 200 else { throw APIRefusal.unauthorized }
        guard let key = try keys.key(matching: Secret(text: text).digest), key.revokedAt == nil else {
            throw APIRefusal.unauthorized
        }
        guard key.allows(scope) else {
            throw APIRefusal(.forbidden, "This key lacks the scope \(scope.rawValue)")
        }
        if isCounted, let seconds = overLimit(key.id) { throw APIRefusal.tooManyRequests(retryAfter: seconds) }
        return key
    }

    /// Reads the runner's id from its header.
    static func runner(of request: Request) throws -> RunnerID? {
        guard let text = request.headers[.runnerID] else { return nil }
        guard let runner = RunnerID(rawValue: text) else {
            throw APIRefusal(invalid: WireHeader.runnerID, "must be 1 to 64 letters, digits, -, _, . or :")
        }
        return runner
    }

    private func overLimit(_ key: Int64) -> Int? {
        guard let limit else { return nil }
        let now = clock.now().steady
        return buckets.withLockedValue { buckets in
            buckets[key, default: RateLimit.Bucket(limit, at: now)].take(limit, at: now)
        }
    }
}

extension HTTPField.Name {
    static let apiKey = known(WireHeader.apiKey)
    static let runnerID = known(WireHeader.runnerID)

    private static func known(_ name: String) -> HTTPField.Name {
        guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is not a header name") }
        return field
    }
}
