import CSystemd
import SystemPackage

/// A connection to a service manager whose calls wait for their answers, for a thread that may. It has one owner.
final class BusConnection {
    private let bus: OpaquePointer

    init(_ route: ManagerRoute) throws(BusError) {
        bus = try route.open()
    }

    deinit { sd_bus_flush_close_unref(bus) }

    /// Calls a method, and waits until it has been carried out or refused.
    ///
    /// - Parameter write: puts the arguments in.
    /// - Returns: the answer.
    @discardableResult
    func call(_ method: BusMethod, _ write: (BusMessage) throws(BusError) -> Void) throws(BusError) -> BusMessage {
        let message = try BusMessage(calling: method, on: bus)
        try write(message)
        var error = sd_bus_error()
        defer { sd_bus_error_free(&error) }
        var reply: OpaquePointer?
        let result = sd_bus_call(bus, message.message, Bus.patience.microseconds, &error, &reply)
        if let reply {
            defer { sd_bus_message_unref(reply) }
            return BusMessage(sharing: reply)
        }
        throw BusError(
            call: method.member, errno: Errno(rawValue: -result), name: error.name.map { String(cString: $0) },
            message: error.message.map { String(cString: $0) })
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
