/// What a new process is to be.
package struct LaunchPlan: Sendable, Hashable, Codable {
    package var executable: ByteText
    package var arguments: [ByteText]
    /// Holds secrets: never logged.
    package var environment: [ByteText]
    package var directory: ByteText
    package var umask: UInt32
    package var limits: [ResourceLimit]
    /// Nil leaves ids and groups as the starter's, and needs no privilege.
    package var ids: LaunchIDs?
    /// -20 to 19 (getpriority(2)); nil leaves it as it is.
    package var niceness: Int32?
    /// -1000 to 1000 (proc(5)); nil leaves it as it is.
    package var oomScoreAdjustment: Int32?
    /// PR_SET_NO_NEW_PRIVS (prctl(2)).
    package var hasNoNewPrivileges = false
    /// Where it writes, if that is still the same regular file; nil for /dev/null or what the service manager gives.
    package var output: OpenFile?
    package var errorOutput: OpenFile?

    package init(
        executable: ByteText, arguments: [ByteText], environment: [ByteText], directory: ByteText, umask: UInt32,
        limits: [ResourceLimit], ids: LaunchIDs? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.umask = umask
        self.limits = limits
        self.ids = ids
    }
}

/// Who a new process is to be: all of its ids are these.
package struct LaunchIDs: Sendable, Hashable, Codable {
    package var user: UInt32
    package var group: UInt32
    /// Supplementary groups.
    package var groups: [UInt32]

    package init(user: UInt32, group: UInt32, groups: [UInt32]) {
        self.user = user
        self.group = group
        self.groups = groups
    }
}
