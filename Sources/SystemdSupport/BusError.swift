import CSystemd
package import SystemPackage

/// Why a call did not succeed.
package struct BusError: Error, Sendable, Hashable, CustomStringConvertible {
    package var call: String
    package var errno: Errno
    /// What the other side calls it: `org.freedesktop.systemd1.NoSuchUnit`.
    package var name: String?
    /// What the other side said.
    package var message: String?

    package init(call: String, errno: Errno, name: String? = nil, message: String? = nil) {
        self.call = call
        self.errno = errno
        self.name = name
        self.message = message
    }

    package var description: String { "\(call): \(message ?? "\(errno)")" }

    init(call: String, _ error: sd_bus_error) {
        var error = error
        self.init(
            call: call, errno: Errno(rawValue: sd_bus_error_get_errno(&error)),
            name: error.name.map { String(cString: $0) }, message: error.message.map { String(cString: $0) })
    }

    /// Throws what sd-bus returned, if it is an error.
    @discardableResult
    static func check(_ result: Int32, _ call: String) throws(BusError) -> Int32 {
        guard result < 0 else { return result }
        throw BusError(call: call, errno: Errno(rawValue: -result))
    }
}
