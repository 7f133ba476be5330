import NIOConcurrencyHelpers
import Supervision
import SystemSupport

/// Every process there is, from one reading of /proc for all targets that look at about the same time.
///
/// Also for children: not every kernel lists those of a process (CONFIG_PROC_CHILDREN).
final class ProcessFamilies: Sendable {
    /// How old a reading may be. What began since is seen at the next look.
    private static let maximumAge = Duration.seconds(2)

    /// What of a process is asked for again and again.
    struct Member: Sendable {
        var pid: Int32
        var parent: Int32
        var startTicks: UInt64
        var residentMB: Double
        var program: ProgramPlace?

        fileprivate init(_ stat: ProcessStat) {
            pid = stat.pid
            parent = stat.parent
            startTicks = stat.startTicks
            residentMB = stat.residentMB
            program = stat.program
        }
    }

    private struct Reading {
        var taken: BootInstant
        /// By PID.
        var members: [Member]
        /// Places among the members, by parent.
        var families: [Int32]

        init(_ table: [ProcessStat], taken: BootInstant) {
            self.taken = taken
            let members = table.map(Member.init).sorted { $0.pid < $1.pid }
            self.members = members
            families = members.indices.map(Int32.init).sorted { members[Int($0)].parent < members[Int($1)].parent }
        }

        func member(_ pid: Int32) -> Member? {
            let place = members.firstPlace { $0.pid >= pid }
            return members.indices.contains(place) && members[place].pid == pid ? members[place] : nil
        }

        func children(of pid: Int32) -> [Member] {
            families.dropFirst(families.firstPlace { members[Int($0)].parent >= pid }).lazy
                .map { members[Int($0)] }.prefix { $0.parent == pid }
        }
    }

    private let processes: any ProcessReading
    private let clock: WatchClock
    private let last = NIOLockedValueBox<Reading?>(nil)

    init(processes: any ProcessReading, clock: WatchClock) {
        self.processes = processes
        self.clock = clock
    }

    func children(of pid: Int32) -> [Member] {
        reading { $0.children(of: pid) }
    }

    func member(_ pid: Int32) -> Member? {
        reading { $0.member(pid) }
    }

    private func reading<Result: Sendable>(_ body: (Reading) -> Result) -> Result {
        let now = clock.now
        // The lock is held while reading: those who wait for it want the same.
        return last.withLockedValue { last in
            if let last, last.taken.duration(to: now) < Self.maximumAge { return body(last) }
            let reading = Reading((try? processes.table()) ?? [], taken: now)
            last = reading
            return body(reading)
        }
    }
}

extension RandomAccessCollection where Index == Int {
    /// Where the elements begin of which this is true, of elements ordered so that it is true of all after the first.
    fileprivate func firstPlace(_ isThere: (Element) -> Bool) -> Int {
        var range = startIndex..<endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if isThere(self[middle]) {
                range = range.lowerBound..<middle
            } else {
                range = (middle + 1)..<range.upperBound
            }
        }
        return range.lowerBound
    }
}
