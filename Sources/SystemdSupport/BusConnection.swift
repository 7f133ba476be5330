import CSystemd
import SystemPackage

/// A connection to a service manager. It has one owner, whose calls wait for their answers.
final class BusConnection {
    /// How long a manager may take to answer.
    private static let patience = Duration.seconds(10)

    private let bus: OpaquePointer

    /// Connects to a manager's own socket, as systemctl does: no bus between, and nobody's policy but the manager's.
    init(socket: FilePath) throws(BusError) {
        var bus: OpaquePointer?
        try BusError.check(sd_bus_new(&bus), "sd_bus_new")
        guard let bus else { throw BusError(call: "sd_bus_new", errno: .noMemory) }
        self.bus = bus
        try BusError.check(sd_bus_set_address(bus, "unix:path=\(socket)"), "sd_bus_set_address")
        try BusError.check(sd_bus_start(bus), "connecting to \(socket)")
    }

    deinit { sd_bus_flush_close_unref(bus) }

    /// Calls a method of the manager, and waits until it has been carried out or refused.
    ///
    /// - Parameter write: puts the arguments in.
    func callManager(_ method: String, _ write: (BusMessage) throws(BusError) -> Void) throws(BusError) {
        var pointer: OpaquePointer?
        try BusError.check(
            sd_bus_message_new_method_call(
                bus, &pointer, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                "org.freedesktop.systemd1.Manager", method), method)
        guard let pointer else { throw BusError(call: method, errno: .noMemory) }
        let message = BusMessage(owning: pointer)
        try write(message)
        var error = sd_bus_error()
        defer { sd_bus_error_free(&error) }
        let result = sd_bus_call(bus, pointer, Self.patience.microseconds, &error, nil)
        guard result < 0 else { return }
        throw BusError(
            call: method, errno: Errno(rawValue: -result), message: error.message.map { String(cString: $0) })
    }
}

extension Duration {
    /// As sd-bus wants it; at least one, since 0 means its own default.
    package var microseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 1 }
        let (whole, isTooLarge) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000)
        return isTooLarge ? .max : max(1, whole + UInt64(attoseconds / 1_000_000_000_000))
    }
}
