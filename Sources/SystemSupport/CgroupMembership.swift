/// The cgroups of a process, as /proc/PID/cgroup lists them (cgroups(7)).
package struct CgroupMembership: Sendable, Hashable {
    package var paths: Set<String>

    package init(paths: Set<String> = []) {
        self.paths = paths
    }

    /// Reads lines `ID:CONTROLLERS:PATH`; paths may hold colons.
    package init(parsing text: [UInt8]) {
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        paths = Set(
            lines.compactMap { line in
                line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).dropFirst(2).first
                    .map(String.init)
            })
    }

    /// The paths up to the services that they are in: `/system.slice/my.service`, also below somebody's own manager.
    ///
    /// The manager of a user is a service itself; a session or scope below it is not in a service.
    package var services: Set<String> {
        Set(paths.compactMap { Self.prefix(of: $0) { $0.hasSuffix(".service") && !$0.hasPrefix("user@") } })
    }

    /// The paths up to the containers that they are in.
    package var containers: Set<String> {
        Set(paths.compactMap { Self.prefix(of: $0, through: Self.isContainer) })
    }

    private static func prefix(of path: String, through isLast: (Substring) -> Bool) -> String? {
        let components = path.split(separator: "/")
        guard let last = components.lastIndex(where: isLast) else { return nil }
        return "/" + components[...last].joined(separator: "/")
    }

    private static let engines = [
        "docker-", "libpod-", "crio-", "cri-containerd-", "lxc.payload", "kubepods", "machine-", "nspawn",
    ]

    private static func isContainer(_ component: Substring) -> Bool {
        engines.contains { component.hasPrefix($0) } || (component.count == 64 && component.allSatisfy(\.isHexDigit))
    }
}
