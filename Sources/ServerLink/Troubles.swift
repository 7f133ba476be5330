/// Remembers what was said, so that the same thing is said once.
struct Troubles: Sendable {
    private static let capacity = 1000
    private var told: Set<String> = []

    /// Whether this is to be said now.
    mutating func isNew(_ words: String) -> Bool {
        if told.count >= Self.capacity { told = [] }
        return told.insert(words).inserted
    }

    /// Whether anything was said since the last `clear`.
    var areTold: Bool { !told.isEmpty }

    mutating func clear() {
        told = []
    }
}
