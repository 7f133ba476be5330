import NIOConcurrencyHelpers
import Supervision
import SystemSupport

/// Every process there is, from one reading of /proc for all targets that look at about the same time.
///
/// Also for children: not every kernel lists those of a process (CONFIG_PROC_CHILDREN).
final class ProcessFamilies: Sendable {
    /// How old a reading may be. What began since is seen at the next look.
    private static let maximumAge = Duration.seconds(2)

    private struct Reading {
        var taken: BootInstant
        var processes: [Int32: ProcessStat]
        var children: [Int32: [Int32]]
    }

    private let processes: any ProcessReading
    private let clock: WatchClock
    private let last = NIOLockedValueBox<Reading?>(nil)

    init(processes: any ProcessReading, clock: WatchClock) {
        self.processes = processes
        self.clock = clock
    }

    func children(of pid: Int32) -> [ProcessStat] {
        reading { reading in (reading.children[pid] ?? []).compactMap { reading.processes[$0] } }
    }

    func stat(of pid: Int32) -> ProcessStat? {
        reading { $0.processes[pid] }
    }

    private func reading<Result: Sendable>(_ body: (Reading) -> Result) -> Result {
        let now = clock.now
        // The lock is held while reading: those who wait for it want the same.
        return last.withLockedValue { last in
            if let last, last.taken.duration(to: now) < Self.maximumAge { return body(last) }
            let table = (try? processes.table()) ?? []
            let reading = Reading(
                taken: now, processes: Dictionary(table.map { ($0.pid, $0) }) { $1 },
                children: Dictionary(grouping: table, by: \.parent).mapValues { $0.map(\.pid) })
            last = reading
            return body(reading)
        }
    }
}
