import NIOConcurrencyHelpers
import Supervision
import SystemSupport

/// Who is whose child, from one reading of /proc for all targets that look at about the same time.
///
/// Not every kernel lists the children of a process (CONFIG_PROC_CHILDREN).
final class ProcessFamilies: Sendable {
    /// How old a reading may be. A child made since is seen at the next look.
    private static let maximumAge = Duration.seconds(2)

    private struct Reading {
        var taken: BootInstant
        var children: [Int32: [ProcessStat]]
    }

    private let processes: any ProcessReading
    private let last = NIOLockedValueBox<Reading?>(nil)

    init(processes: any ProcessReading) {
        self.processes = processes
    }

    func children(of pid: Int32) -> [ProcessStat] {
        let now = BootClock().now
        return last.withLockedValue { last in
            if let last, last.taken.duration(to: now) < Self.maximumAge { return last.children[pid] ?? [] }
            // The lock is held while reading: those who wait for it want the same.
            let table = (try? processes.table()) ?? []
            let reading = Reading(taken: now, children: Dictionary(grouping: table, by: \.parent))
            last = reading
            return reading.children[pid] ?? []
        }
    }
}
