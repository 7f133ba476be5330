#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The server's own directory: mode 0700, made with its parents when missing.
struct StateDirectory {
    let path: String

    /// Makes it and checks that files can be made in it.
    init(making path: String) throws {
        self.path = path
        try Self.make(path)
        guard access(path, W_OK | X_OK) == 0 else {
            throw Failure.Line(text: "the state directory \(path) is not writable: \(Self.reason)")
        }
    }

    /// Where the first key is kept.
    var keyFile: String { path + "/api-key" }

    /// Writes a file of its own with mode 0600, replacing one that is there.
    func save(_ text: String, as file: String) throws {
        unlink(file)
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure.Line(text: "\(file) cannot be written: \(Self.reason)") }
        defer { close(descriptor) }
        let bytes = Array((text + "\n").utf8)
        guard bytes.withUnsafeBytes({ Self.put($0, descriptor) }) == bytes.count, fsync(descriptor) == 0 else {
            throw Failure.Line(text: "\(file) cannot be written: \(Self.reason)")
        }
    }

    private static var reason: String { String(cString: strerror(errno)) }

    private static func put(_ bytes: UnsafeRawBufferPointer, _ descriptor: CInt) -> Int {
        write(descriptor, bytes.baseAddress, bytes.count)
    }

    private static func make(_ path: String) throws {
        guard mkdir(path, 0o700) != 0 else { return }
        switch errno {
        case EEXIST:
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw Failure.Line(text: "the state directory \(path) is not a directory")
            }
        case ENOENT:
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
                throw Failure.Line(text: "the state directory \(path) cannot be made: \(reason)")
            }
            try make(String(path[..<slash]))
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
                throw Failure.Line(text: "the state directory \(path) cannot be made: \(reason)")
            }
        default:
            throw Failure.Line(text: "the state directory \(path) cannot be made: \(reason)")
        }
    }
}
