package import WireProtocol

/// Keeps API keys.
package protocol KeyRepository: Sendable {
    /// Finds a key by its digest, revoked or not; reads the store each time, so that a revocation counts at once.
    func key(matching digest: SecretDigest) throws -> APIKey?

    /// Adds a key to a project.
    func addKey(
        named name: String, digest: SecretDigest, scopes: Set<KeyScope>, to project: ProjectID, at now: WireTime
    ) async throws -> APIKey

    /// Lists all keys, oldest first.
    func keys() async throws -> [APIKey]

    /// Revokes the keys with this name or number that are not revoked yet.
    ///
    /// - Returns: How many that were.
    func revokeKeys(named nameOrNumber: String, at now: WireTime) async throws -> Int
}

/// Keeps one-time sign-in tokens and browser sessions, both as digests only.
package protocol SessionRepository: Sendable {
    /// Adds a token that signs in to a project once before `expiry`.
    func addSignIn(_ digest: SecretDigest, project: ProjectID, expiry: WireTime) async throws

    /// Whether a token would sign in now; does not use it up.
    func isSignInValid(_ digest: SecretDigest, at now: WireTime) async throws -> Bool

    /// Uses a token up and opens a session in the same transaction.
    ///
    /// - Returns: Whether the token was valid.
    func signIn(
        _ digest: SecretDigest, session: SecretDigest, at now: WireTime, expiry: WireTime
    ) async throws -> Bool

    /// Finds the project a session is signed in to.
    func session(matching digest: SecretDigest, at now: WireTime) async throws -> ProjectID?

    /// Ends a session.
    func signOut(_ digest: SecretDigest) async throws
}

/// How long access lasts.
package enum AccessPolicy {
    package static let signInLifetime: Duration = .seconds(15 * 60)
    package static let sessionLifetime: Duration = .seconds(14 * 86_400)
}
