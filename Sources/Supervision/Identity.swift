/// What makes one life of a target one life: (boot id, pid, start time), container id and start, unit invocation id.
///
/// Two observations with equal identities saw the same life; a restart always makes another one.
package struct Identity: Sendable, Hashable, Codable {
    /// The watcher's own words; compared, never parsed by others.
    package var token: String
    /// The main process, when there is one to name.
    package var pid: Int32?
    /// When this life began, when the platform tells.
    package var began: BootInstant?

    package init(token: String, pid: Int32? = nil, began: BootInstant? = nil) {
        self.token = token
        self.pid = pid
        self.began = began
    }

    package static func == (lhs: Identity, rhs: Identity) -> Bool { lhs.token == rhs.token }

    package func hash(into hasher: inout Hasher) { hasher.combine(token) }
}
