package import Supervision

/// Which processes a scan has to read: all of them at first, later those that are new or young.
package struct ScanIndex: Sendable {
    /// What has changed since the last scan.
    package struct Change: Sendable, Hashable {
        package var new: [Int32] = []
        /// Read before, and still young.
        package var young: [Int32] = []
        package var gone: [Int32] = []

        package init(new: [Int32] = [], young: [Int32] = [], gone: [Int32] = []) {
            self.new = new
            self.young = young
            self.gone = gone
        }
    }

    /// A process so young may yet become another program (execve(2)); an older one is read again in a full scan.
    package static let youth = Duration.seconds(10)

    /// In rising order.
    private var known: [Int32] = []
    private var young: [Int32: BootInstant] = [:]

    package init() {}

    /// Takes note of the processes there are now.
    package mutating func update(_ listed: [Int32], at now: BootInstant) -> Change {
        // The kernel lists them so.
        let listed = zip(listed, listed.dropFirst()).allSatisfy(<) ? listed : Set(listed).sorted()
        var change = Change()
        var former = known.makeIterator()
        var next = former.next()
        for pid in listed {
            while let first = next, first < pid {
                change.gone.append(first)
                next = former.next()
            }
            if next == pid { next = former.next() } else { change.new.append(pid) }
        }
        while let first = next {
            change.gone.append(first)
            next = former.next()
        }
        known = listed
        for pid in change.gone { young[pid] = nil }
        young = young.filter { $0.value.duration(to: now) < Self.youth }
        change.young = young.keys.sorted()
        return change
    }

    /// Notes when a process began.
    package mutating func note(_ pid: Int32, began: BootInstant, at now: BootInstant) {
        young[pid] = began.duration(to: now) < Self.youth ? began : nil
    }
}
