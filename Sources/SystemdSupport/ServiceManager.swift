import CSystemd
import Glibc
import SystemPackage
package import SystemSupport

/// The systemd that can start processes apart from this program: not in its cgroup, not in its sandbox.
package struct ServiceManager: Sendable, Hashable {
    /// Its PID: what it starts lives in its namespaces.
    package let pid: Int32
    let socket: FilePath

    /// The system's manager, if this system was booted with it (sd_booted(3)) and this program is root.
    package static func ofSystem() -> ServiceManager? {
        let socket: FilePath = "/run/systemd/private"
        guard geteuid() == 0, sd_booted() > 0, access(socket.string, W_OK) == 0 else { return nil }
        return ServiceManager(pid: 1, socket: socket)
    }

    /// Where the cgroups of what it starts for us are, by what it shows of its own.
    package static func launchCgroups(manager: CgroupMembership) -> Set<String> {
        // A manager keeps itself in init.scope, beside its slices.
        let own = "/init.scope"
        return Set(
            manager.paths.filter { $0.hasSuffix(own) }.map {
                $0.dropLast(own.count) + "/system.slice/" + UnitLauncher.unitPrefix
            })
    }

    /// The service that this program runs in; nil where no systemd runs, at a terminal, and in a container.
    package static func ownService() -> String? {
        guard sd_booted() > 0, let cgroups = try? ProcFS().facts(of: ProcessHandle.ownPID).surroundings.cgroups else {
            return nil
        }
        // Opens for those that have a controlling terminal (tty(4)).
        let terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
        if terminal >= 0 { close(terminal) }
        return enclosingService(of: cgroups, hasTerminal: terminal >= 0)
    }

    /// The name of the service that a program with these cgroups runs in, and is not merely logged in or contained.
    package static func enclosingService(of cgroups: CgroupMembership, hasTerminal: Bool) -> String? {
        guard !hasTerminal else { return nil }
        let services = cgroups.services.filter { service in
            !cgroups.containers.contains { $0.hasPrefix(service + "/") }
        }
        return services.min()?.split(separator: "/").last.map(String.init)
    }

    func start(_ unit: TransientUnit) throws(BusError) {
        try BusConnection(.socket(socket)).call(.manager("StartTransientUnit")) { message throws(BusError) in
            try unit.write(to: message)
        }
    }
}
