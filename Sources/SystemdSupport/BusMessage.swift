import CSystemd
import SystemPackage

/// A message: arguments of a method, put in one after the other (sd_bus_message_append_basic(3)), or what others sent.
package final class BusMessage {
    let message: OpaquePointer

    init(sharing message: OpaquePointer) {
        self.message = message
        sd_bus_message_ref(message)
    }

    /// Begins a call of a method.
    init(calling method: BusMethod, on bus: OpaquePointer) throws(BusError) {
        var pointer: OpaquePointer?
        try BusError.check(
            sd_bus_message_new_method_call(
                bus, &pointer, method.destination, method.path, method.interface, method.member), method.member)
        guard let pointer else { throw BusError(call: method.member, errno: .noMemory) }
        message = pointer
    }

    deinit { sd_bus_message_unref(message) }

    /// Appends a text.
    package func append(_ text: String) throws(BusError) {
        try BusError.check(
            sd_bus_message_append_basic(message, CChar(UInt8(ascii: "s")), text), "sd_bus_message_append_basic")
    }

    func append(_ flag: Bool) throws(BusError) {
        // sd-bus takes an int for it.
        var value: Int32 = flag ? 1 : 0
        try BusError.check(
            sd_bus_message_append_basic(message, CChar(UInt8(ascii: "b")), &value), "sd_bus_message_append_basic")
    }

    /// Appends an array, each element by `write`.
    package func array<Element>(
        of contents: String, _ elements: [Element], _ write: (Element) throws(BusError) -> Void
    ) throws(BusError) {
        try container("a", contents) { () throws(BusError) in
            for element in elements { try write(element) }
        }
    }

    func structure(_ contents: String, _ write: () throws(BusError) -> Void) throws(BusError) {
        try container("r", contents, write)
    }

    func variant(_ contents: String, _ write: () throws(BusError) -> Void) throws(BusError) {
        try container("v", contents, write)
    }

    private func container(
        _ type: Unicode.Scalar, _ contents: String, _ write: () throws(BusError) -> Void
    ) throws(BusError) {
        try BusError.check(
            sd_bus_message_open_container(message, CChar(truncatingIfNeeded: type.value), contents),
            "sd_bus_message_open_container")
        try write()
        try BusError.check(sd_bus_message_close_container(message), "sd_bus_message_close_container")
    }
}
