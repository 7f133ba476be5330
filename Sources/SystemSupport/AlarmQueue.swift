import HeapModule
package import Supervision

/// What is to happen at which moment: handlers ordered by their deadlines, each called once or taken back.
package struct AlarmQueue<Handler: Sendable>: Sendable {
    private struct Entry: Comparable, Sendable {
        var deadline: BootInstant
        /// Of equal deadlines the older alarm comes first.
        var id: UInt64

        static func < (lhs: Entry, rhs: Entry) -> Bool { (lhs.deadline, lhs.id) < (rhs.deadline, rhs.id) }
    }

    private var nextID: UInt64 = 0
    /// May hold some that were taken back, but never as the first.
    private var order = Heap<Entry>()
    private var handlers: [UInt64: Handler] = [:]

    package init() {}

    /// When the first of them is due.
    package var next: BootInstant? { order.min?.deadline }
    /// How many there are.
    package var count: Int { handlers.count }

    /// How many entries take memory, with those that were taken back.
    package var heldEntries: Int { order.count }

    /// Adds an alarm.
    ///
    /// - Returns: the id to take it back by.
    package mutating func add(at deadline: BootInstant, _ handler: Handler) -> UInt64 {
        nextID += 1
        order.insert(Entry(deadline: deadline, id: nextID))
        handlers[nextID] = handler
        return nextID
    }

    /// Takes an alarm back.
    ///
    /// - Returns: its handler; nil when it was called or taken back before.
    package mutating func remove(_ id: UInt64) -> Handler? {
        guard let handler = handlers.removeValue(forKey: id) else { return nil }
        if order.count > 2 * handlers.count + 64 { order = Heap(order.unordered.filter { handlers[$0.id] != nil }) }
        dropRemoved()
        return handler
    }

    /// Takes out those that are due, in their order.
    package mutating func takeDue(at now: BootInstant) -> [Handler] {
        var due: [Handler] = []
        while let first = order.min, first.deadline <= now {
            order.removeMin()
            if let handler = handlers.removeValue(forKey: first.id) { due.append(handler) }
        }
        dropRemoved()
        return due
    }

    private mutating func dropRemoved() {
        while let first = order.min, handlers[first.id] == nil { order.removeMin() }
    }
}
