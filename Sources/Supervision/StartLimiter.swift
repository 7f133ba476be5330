/// The cap on starts that run at once on a host: first come, first served.
package struct StartLimiter<Key: Hashable & Sendable>: Sendable {
    package let capacity: Int
    private var running: Set<Key> = []
    private var waiting: [Key] = []

    /// - Parameter capacity: at least one start may always run.
    package init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    /// Asks for a start. Asking again changes nothing.
    ///
    /// - Returns: whether it may begin now; if not, a later `release` names it.
    package mutating func request(_ key: Key) -> Bool {
        if running.contains(key) { return true }
        guard running.count < capacity else {
            if !waiting.contains(key) { waiting.append(key) }
            return false
        }
        running.insert(key)
        return true
    }

    /// Gives back a start that ended, or withdraws one that waited.
    ///
    /// - Returns: who may begin now instead.
    package mutating func release(_ key: Key) -> Key? {
        waiting.removeAll { $0 == key }
        guard running.remove(key) != nil, !waiting.isEmpty else { return nil }
        let next = waiting.removeFirst()
        running.insert(next)
        return next
    }
}
