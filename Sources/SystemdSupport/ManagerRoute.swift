import CSystemd
import Glibc
package import SystemPackage

/// Whose service manager is meant.
package enum ManagerScope: String, Sendable, Hashable, CaseIterable {
    case system, user
}

/// A way to a service manager.
package enum ManagerRoute: Sendable, Hashable {
    case systemBus
    case userBus
    /// A bus at this address (dbus-daemon(1)).
    case bus(String)
    /// The manager's own socket, with no bus between; for its own user alone.
    case socket(FilePath)

    /// The ways there are, the best first.
    ///
    /// - Parameters:
    ///   - user: who asks.
    ///   - runtimeDirectory: `XDG_RUNTIME_DIR` of who asks.
    package static func all(to scope: ManagerScope, user: UInt32, runtimeDirectory: String?) -> [ManagerRoute] {
        switch scope {
        case .system: [.systemBus] + (user == 0 ? [.socket("/run/systemd/private")] : [])
        case .user: [.userBus] + (runtimeDirectory.map { [.socket(FilePath($0).appending("systemd/private"))] } ?? [])
        }
    }

    /// Whether there is a bus between, which wants to know what to pass on and vouches for who sent it.
    package var isBus: Bool {
        switch self {
        case .systemBus, .userBus, .bus: true
        case .socket: false
        }
    }

    func open() throws(BusError) -> OpaquePointer {
        var bus: OpaquePointer?
        switch self {
        case .systemBus: try BusError.check(sd_bus_open_system(&bus), "the system bus")
        case .userBus: try BusError.check(sd_bus_open_user(&bus), "the user's bus")
        case .bus(let address): bus = try connect(address)
        case .socket(let path): bus = try connect("unix:path=\(path)")
        }
        guard let bus else { throw BusError(call: "sd_bus_new", errno: .noMemory) }
        return bus
    }

    private func connect(_ address: String) throws(BusError) -> OpaquePointer? {
        var bus: OpaquePointer?
        try BusError.check(sd_bus_new(&bus), "sd_bus_new")
        do throws(BusError) {
            try BusError.check(sd_bus_set_address(bus, address), "sd_bus_set_address")
            try BusError.check(sd_bus_set_bus_client(bus, isBus ? 1 : 0), "sd_bus_set_bus_client")
            try BusError.check(sd_bus_start(bus), address)
        } catch {
            sd_bus_unref(bus)
            throw error
        }
        return bus
    }
}
