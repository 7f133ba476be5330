import CZlib

/// Packs and unpacks whole bodies as gzip (RFC 1952).
package enum Gzip {
    /// Windows of 2^15 bytes, the largest; 16 more stands for gzip instead of zlib's own format (zlib.h).
    private static let windowBits: Int32 = 15 + 16

    /// Packs `bytes` into one member; nil when there is no memory for it.
    package static func pack(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        // zlib keeps the address of its stream.
        return withUnsafeMutablePointer(to: &stream) { stream in
            let size = Int32(MemoryLayout<z_stream>.size)
            guard let length = UInt32(exactly: bytes.count),
                deflateInit2_(
                    stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
                    == Z_OK
            else { return nil }
            defer { deflateEnd(stream) }
            let bound = Int(deflateBound(stream, UInt(length)))
            var isWhole = false
            let packed = [UInt8](unsafeUninitializedCapacity: bound) { output, count in
                bytes.withUnsafeBufferPointer { input in
                    stream.pointee.set(input: input, length, output: output.baseAddress, UInt32(clamping: bound))
                    isWhole = deflate(stream, Z_FINISH) == Z_STREAM_END
                }
                count = isWhole ? bound - Int(stream.pointee.avail_out) : 0
            }
            return isWhole ? packed : nil
        }
    }

    /// Unpacks every member of `packed`, one after the other.
    ///
    /// - Parameter limit: The most bytes to make; nothing is written beyond one more.
    /// - Throws: `tooLong` beyond the limit, `broken` for what is no gzip, is cut off, or fails its checksum.
    package static func unpack(_ packed: [UInt8], upTo limit: Int) throws(GzipError) -> [UInt8] {
        guard let length = UInt32(exactly: packed.count), let capacity = UInt32(exactly: limit + 1) else {
            throw .tooLong
        }
        var failure: GzipError?
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(capacity)) { output, count in
            var stream = z_stream()
            // zlib keeps the address of its stream.
            withUnsafeMutablePointer(to: &stream) { stream in
                let size = Int32(MemoryLayout<z_stream>.size)
                guard inflateInit2_(stream, windowBits, ZLIB_VERSION, size) == Z_OK else { return failure = .broken }
                defer { inflateEnd(stream) }
                packed.withUnsafeBufferPointer { input in
                    stream.pointee.set(input: input, length, output: output.baseAddress, capacity)
                    failure = unpackMembers(stream)
                }
                count = failure == nil ? Int(capacity - stream.pointee.avail_out) : 0
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads until the input ends with the end of a member, or says why not.
    private static func unpackMembers(_ stream: UnsafeMutablePointer<z_stream>) -> GzipError? {
        while true {
            let status = inflate(stream, Z_NO_FLUSH)
            guard stream.pointee.avail_out > 0 else { return .tooLong }
            guard status == Z_STREAM_END else { return .broken }
            guard stream.pointee.avail_in > 0 else { return nil }
            guard inflateReset(stream) == Z_OK else { return .broken }
        }
    }
}

/// Why bytes could not be unpacked.
package enum GzipError: Error, Sendable, Hashable {
    /// They hold more than was asked for.
    case tooLong
    /// No gzip, cut off, or damaged.
    case broken
}

extension z_stream {
    fileprivate mutating func set(
        input: UnsafeBufferPointer<UInt8>, _ length: UInt32, output: UnsafeMutablePointer<UInt8>?, _ capacity: UInt32
    ) {
        next_in = input.baseAddress
        avail_in = length
        next_out = output
        avail_out = capacity
    }
}
