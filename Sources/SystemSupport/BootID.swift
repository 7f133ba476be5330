package import SystemPackage

/// What tells one boot of this machine from another (random(4), /proc/sys/kernel/random/boot_id).
package struct BootID: Sendable, Hashable, Codable, CustomStringConvertible {
    package var description: String

    package init(_ text: String) {
        description = text
    }

    /// Reads the id of this boot.
    package static func current() throws(Errno) -> BootID {
        let bytes = try readWholeFile("/proc/sys/kernel/random/boot_id", limit: 128)
        return BootID(String(decoding: bytes, as: UTF8.self).filter { $0.isHexDigit || $0 == "-" })
    }
}
