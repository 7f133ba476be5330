import Supervision

// How the end of a container is told.
extension End {
    /// - Parameters:
    ///   - exitCode: nil when it is not known.
    ///   - wasOutOfMemory: the kernel ended a process of it; what ended well all the same did not end by that.
    ///   - error: what the engine says of it.
    init(
        of identity: Identity?, exitCode: Int32?, wasOutOfMemory: Bool = false, isDeliberate: Bool = false,
        error: String? = nil
    ) {
        self.init(identity: identity, cause: exitCode.map { .exit(code: $0) } ?? .unknown, isDeliberate: isDeliberate)
        if wasOutOfMemory, let exitCode, exitCode != 0 {
            cause = .outOfMemory
            detail = "exit \(exitCode)"
        } else if isDeliberate {
            detail = error ?? "it was told to by docker stop or kill"
        } else {
            detail = error ?? Self.meaning(of: exitCode)
        }
    }

    private static func meaning(of exitCode: Int32?) -> String? {
        // The shell's convention, which Docker follows: 128 and the signal.
        guard let exitCode, (129...192).contains(exitCode) else { return nil }
        return "that is what \(SignalName.of(exitCode - 128)) leaves"
    }
}
