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

    func start(_ unit: TransientUnit) throws(BusError) {
        try BusConnection(socket: socket).callManager("StartTransientUnit") { message throws(BusError) in
            try unit.write(to: message)
        }
    }
}
