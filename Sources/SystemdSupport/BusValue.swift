import CSystemd
import SystemPackage

/// A value of a message, as far as anybody here asks for it.
package enum BusValue: Sendable, Hashable {
    case text(String)
    case flag(Bool)
    case number(UInt64)
    case signed(Int64)
    case bytes([UInt8])
    /// An array or a structure.
    case list([BusValue])
    /// Of a type that nobody asks for.
    case other

    package var text: String? { if case .text(let text) = self { text } else { nil } }
    package var flag: Bool? { if case .flag(let flag) = self { flag } else { nil } }
    package var number: UInt64? { if case .number(let number) = self { number } else { nil } }
    package var signed: Int64? { if case .signed(let number) = self { number } else { nil } }
    package var bytes: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }
    package var list: [BusValue]? { if case .list(let list) = self { list } else { nil } }
}

// What others sent is of any type: a wrong one is an error, or another value.
extension BusMessage {
    /// Reads the next value.
    ///
    /// - Returns: nil when there is none here any more.
    package func next() throws(BusError) -> BusValue? {
        guard let (type, contents) = try peek() else { return nil }
        switch Unicode.Scalar(type) {
        case "s", "o", "g": return .text(try readText(type))
        // sd-bus gives an int for it.
        case "b": return .flag(try read(type, Int32(0)) != 0)
        case "y": return .number(UInt64(try read(type, UInt8(0))))
        case "q": return .number(UInt64(try read(type, UInt16(0))))
        case "u": return .number(UInt64(try read(type, UInt32(0))))
        case "t": return .number(try read(type, UInt64(0)))
        case "n": return .signed(Int64(try read(type, Int16(0))))
        case "i": return .signed(Int64(try read(type, Int32(0))))
        case "x": return .signed(try read(type, Int64(0)))
        case "v": return try inside(type, contents) { () throws(BusError) in try next() }
        case "a" where contents == "y": return .bytes(try readBytes())
        case "a", "r":
            return try inside(type, contents) { () throws(BusError) in
                var values: [BusValue] = []
                while let value = try next() { values.append(value) }
                return .list(values)
            }
        default:
            try skip(nil)
            return .other
        }
    }

    /// Reads a dictionary of properties, `a{sv}`: of these names what is there, nothing of the others.
    package func properties(_ names: Set<String>) throws(BusError) -> [String: BusValue] {
        var found: [String: BusValue] = [:]
        try inside(UInt8(ascii: "a"), "{sv}") { () throws(BusError) in
            while try peek() != nil {
                try inside(UInt8(ascii: "e"), "sv") { () throws(BusError) in
                    guard let name = try next()?.text else { return }
                    if names.contains(name) { found[name] = try next() } else { try skip("v") }
                }
            }
        }
        return found
    }

    /// Reads a text, and nothing else.
    package func text() throws(BusError) -> String {
        guard let text = try next()?.text else { throw BusError(call: "reading a text", errno: .badMessage) }
        return text
    }

    private func peek() throws(BusError) -> (type: UInt8, contents: String?)? {
        var type: CChar = 0
        var contents: UnsafePointer<CChar>?
        let isThere = try BusError.check(
            sd_bus_message_peek_type(message, &type, &contents), "sd_bus_message_peek_type")
        return isThere > 0 ? (UInt8(bitPattern: type), contents.map { String(cString: $0) }) : nil
    }

    private func read<Value: BitwiseCopyable>(_ type: UInt8, _ zero: Value) throws(BusError) -> Value {
        var value = zero
        try BusError.check(
            sd_bus_message_read_basic(message, CChar(bitPattern: type), &value), "sd_bus_message_read_basic")
        return value
    }

    private func readText(_ type: UInt8) throws(BusError) -> String {
        // Belongs to the message.
        var text: UnsafePointer<CChar>?
        try BusError.check(
            sd_bus_message_read_basic(message, CChar(bitPattern: type), &text), "sd_bus_message_read_basic")
        return text.map { String(cString: $0) } ?? ""
    }

    private func readBytes() throws(BusError) -> [UInt8] {
        var start: UnsafeRawPointer?
        var count = 0
        try BusError.check(
            sd_bus_message_read_array(message, CChar(UInt8(ascii: "y")), &start, &count), "sd_bus_message_read_array")
        return Array(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }

    @discardableResult
    private func inside<Value>(
        _ type: UInt8, _ contents: String?, _ body: () throws(BusError) -> Value
    ) throws(BusError) -> Value {
        try BusError.check(
            sd_bus_message_enter_container(message, CChar(bitPattern: type), contents),
            "sd_bus_message_enter_container")
        let value = try body()
        try BusError.check(sd_bus_message_exit_container(message), "sd_bus_message_exit_container")
        return value
    }

    private func skip(_ types: String?) throws(BusError) {
        try BusError.check(sd_bus_message_skip(message, types), "sd_bus_message_skip")
    }
}
