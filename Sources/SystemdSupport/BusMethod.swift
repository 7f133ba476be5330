import CSystemd

/// A method of somebody on a bus.
package struct BusMethod: Sendable, Hashable {
    package var destination: String
    package var path: String
    package var interface: String
    package var member: String

    /// A method of a service manager (org.freedesktop.systemd1(5)).
    package static func manager(_ member: String) -> BusMethod {
        BusMethod(
            destination: SystemdName.service, path: SystemdName.manager, interface: SystemdName.managerInterface,
            member: member)
    }

    /// A method for the properties of one of a manager's objects.
    package static func properties(_ member: String, of path: String) -> BusMethod {
        BusMethod(destination: SystemdName.service, path: path, interface: SystemdName.properties, member: member)
    }

    /// A method of the bus itself (dbus-daemon(1)).
    package static func bus(_ member: String) -> BusMethod {
        BusMethod(
            destination: SystemdName.bus, path: "/org/freedesktop/DBus", interface: SystemdName.bus, member: member)
    }
}

/// What things are called on the bus.
package enum SystemdName {
    package static let bus = "org.freedesktop.DBus"
    package static let service = "org.freedesktop.systemd1"
    package static let manager = "/org/freedesktop/systemd1"
    package static let units = "/org/freedesktop/systemd1/unit"
    package static let properties = "org.freedesktop.DBus.Properties"
    package static let managerInterface = "org.freedesktop.systemd1.Manager"
    package static let unitInterface = "org.freedesktop.systemd1.Unit"
    package static let serviceInterface = "org.freedesktop.systemd1.Service"
}

/// What somebody tells all who listen. Only for as long as it is being handled.
package struct BusSignal {
    /// The unique name of who sent it, as the bus vouches for it; nil without a bus.
    package let sender: String?
    package let path: String
    package let interface: String
    package let member: String
    package let body: BusMessage

    init(_ pointer: OpaquePointer) {
        func text(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }
        sender = text(sd_bus_message_get_sender(pointer))
        path = text(sd_bus_message_get_path(pointer)) ?? ""
        interface = text(sd_bus_message_get_interface(pointer)) ?? ""
        member = text(sd_bus_message_get_member(pointer)) ?? ""
        body = BusMessage(sharing: pointer)
    }
}
