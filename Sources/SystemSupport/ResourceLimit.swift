import CPlatformShims
import Glibc
package import SystemPackage

/// One resource limit of a process (getrlimit(2)).
package struct ResourceLimit: Sendable, Hashable, Codable {
    /// The number of the resource in the kernel.
    package var resource: Int32
    package var soft: UInt64
    package var hard: UInt64

    package init(resource: Int32, soft: UInt64, hard: UInt64) {
        self.resource = resource
        self.soft = soft
        self.hard = hard
    }

    /// Reads all limits of a process (prlimit(2)).
    package static func all(of pid: Int32) throws(Errno) -> [ResourceLimit] {
        var limits: [ResourceLimit] = []
        for resource in 0..<clevagent_limit_count() {
            var limit = clevagent_limit(resource: resource, soft: 0, hard: 0)
            let result = clevagent_read_limit(pid, &limit)
            guard result == 0 else { throw Errno(rawValue: -result) }
            limits.append(ResourceLimit(resource: resource, soft: limit.soft, hard: limit.hard))
        }
        return limits
    }
}

/// The limit on open files that this program found at its start, to be given to what it starts.
package struct OpenFileLimit: Sendable, Hashable {
    package let original: ResourceLimit

    /// Raises the soft limit to the hard one: each target costs a descriptor.
    ///
    /// - Returns: what it was before; children are given that, since select(2) breaks above 1024.
    package static func raise() -> OpenFileLimit {
        let nofile = Int32(RLIMIT_NOFILE.rawValue)
        var limit = clevagent_limit(resource: nofile, soft: 0, hard: 0)
        guard clevagent_read_limit(0, &limit) == 0 else {
            return OpenFileLimit(original: ResourceLimit(resource: nofile, soft: 1024, hard: 1024))
        }
        let original = ResourceLimit(resource: nofile, soft: limit.soft, hard: limit.hard)
        limit.soft = limit.hard
        // Not fatal: the old limit then still stands, and a start that needs more will say so.
        _ = clevagent_set_limit(&limit)
        return OpenFileLimit(original: original)
    }
}
