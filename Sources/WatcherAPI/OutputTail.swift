package import Supervision

/// Knows what targets wrote last.
package protocol OutputTail: Sendable {
    /// What a target wrote last, for a person who wants to know why it died: whole lines, the newest at the end, at
    /// least this many if there are as many, and 64 KiB at most.
    ///
    /// An implementation must guarantee:
    /// - It reads with the rights of the target's user and no others, and only what is known to be the target's.
    /// - It holds up neither observations nor actions, however long it takes.
    /// - Nothing is masked or cut to fit: who asked does that, in one place.
    ///
    /// - Returns: nil when it can't be known.
    func lastOutput(of target: TargetID, lines: Int) async -> [UInt8]?
}

extension OutputTail {
    /// Knows nothing.
    package func lastOutput(of target: TargetID, lines: Int) async -> [UInt8]? { nil }
}
