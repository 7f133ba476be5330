import CPlatformShims
import Glibc

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

    /// Reads /proc/PID/limits, a line for each resource in the order of their numbers; nil when it has another form.
    ///
    /// prlimit(2) would need CAP_SYS_RESOURCE for another user's process.
    package static func list(parsing text: [UInt8]) -> [ResourceLimit]? {
        let lines = text.split(separator: UInt8(ascii: "\n")).dropFirst()
        var limits: [ResourceLimit] = []
        for (resource, line) in lines.enumerated() {
            // The name has 25 columns and blanks in it, the unit after the values may be missing.
            let values = line.dropFirst(25).split(separator: UInt8(ascii: " ")).prefix(2).map(Self.value)
            guard let soft = values.first.flatMap({ $0 }), let hard = values.dropFirst().first.flatMap({ $0 }) else {
                return nil
            }
            limits.append(ResourceLimit(resource: Int32(resource), soft: soft, hard: hard))
        }
        return limits.count == clevagent_limit_count() ? limits : nil
    }

    private static func value(_ word: ArraySlice<UInt8>) -> UInt64? {
        word.elementsEqual("unlimited".utf8) ? .max : UInt64(decimal: word)
    }
}

/// The limit on open files that this program found at its start, to be given to what it starts.
package struct OpenFileLimit: Sendable, Hashable {
    package let original: ResourceLimit
    /// How many this program may have open by now.
    package let available: UInt64

    /// What the runner has open besides its targets, at the worst: measured 19 at rest, and pipes while it starts some.
    private static let reserve: UInt64 = 48

    package init(original: ResourceLimit, available: UInt64) {
        self.original = original
        self.available = available
    }

    /// What it takes to read the settings and to say that more is needed; measured 10.
    package static let least: UInt64 = 16

    /// How many open files so many targets take at the worst.
    package func needed(targets: Int) -> UInt64 { UInt64(targets) + Self.reserve }

    /// Raises the soft limit to the hard one: each target costs a descriptor.
    ///
    /// - Returns: what it was before; children are given that, since select(2) breaks above 1024.
    package static func raise() -> OpenFileLimit {
        let nofile = Int32(RLIMIT_NOFILE.rawValue)
        var limit = clevagent_limit(resource: nofile, soft: 0, hard: 0)
        guard clevagent_read_limit(0, &limit) == 0 else {
            return OpenFileLimit(
                original: ResourceLimit(resource: nofile, soft: 1024, hard: 1024), available: 1024)
        }
        let original = ResourceLimit(resource: nofile, soft: limit.soft, hard: limit.hard)
        limit.soft = limit.hard
        // Not fatal: the old limit then still stands, and may do.
        let isRaised = clevagent_set_limit(&limit) == 0
        return OpenFileLimit(original: original, available: isRaised ? original.hard : original.soft)
    }
}
