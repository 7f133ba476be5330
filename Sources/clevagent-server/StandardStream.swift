import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes lines for people and scripts, at once and whole.
enum StandardStream {
    static func output(_ line: String) { write(line, to: .standardOutput) }

    static func error(_ line: String) { write(line, to: .standardError) }

    /// Whether a person sees what is printed; secrets are for them only, never for a log.
    static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    private static func write(_ line: String, to descriptor: FileDescriptor) {
        // Nobody who could be told.
        _ = try? descriptor.writeAll((line + "\n").utf8)
    }
}
