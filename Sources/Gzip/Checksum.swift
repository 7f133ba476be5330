import CZlib

/// The checksum of gzip and others: CRC-32 (ISO 3309, as in RFC 1952).
package enum Checksum {
    package static func crc32(_ bytes: some Collection<UInt8>) -> UInt32 {
        let sum = bytes.withContiguousStorageIfAvailable { buffer in
            CZlib.crc32(0, buffer.baseAddress, UInt32(clamping: buffer.count))
        }
        return UInt32(truncatingIfNeeded: sum ?? CZlib.crc32(0, Array(bytes), UInt32(clamping: bytes.count)))
    }
}
