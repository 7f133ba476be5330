package import Supervision
package import SystemPackage
package import SystemSupport

/// What a scan has found for a target.
package enum ScanResult: Sendable, Hashable {
    case failed(Errno)
    /// PIDs in rising order. `isComplete`: every command line could be read.
    case found([Int32], isComplete: Bool)
}

/// One scan after the other, each with what the last one has left to do.
package struct CommandLineScan: Sendable {
    package struct Finding: Sendable, Hashable {
        package var result: ScanResult
        /// There are others than at the last scan, or one of them may have become another program since.
        package var isNews: Bool

        package init(result: ScanResult, isNews: Bool) {
            self.result = result
            self.isNews = isNews
        }
    }

    private let processes: any ProcessListing
    private var index = ScanIndex()
    private var matches: [TargetID: Set<Int32>] = [:]
    private var results: [TargetID: ScanResult] = [:]
    private var isComplete = true

    package init(processes: any ProcessListing) {
        self.processes = processes
    }

    /// Finds the processes whose command lines hold the texts.
    ///
    /// - Parameters:
    ///   - isFull: reads every process, as must be for a text that is new; else only the new and the young.
    ///   - now: by the machine's clock.
    package mutating func run(
        for sought: [TargetID: ByteText], isFull: Bool, at now: BootInstant
    ) -> [TargetID: Finding] {
        if isFull { (index, matches, isComplete) = (ScanIndex(), [:], true) }
        let read: Set<Int32>
        let failure: Errno?
        do {
            let change = index.update(try processes.processIDs(), at: now)
            for target in matches.keys { matches[target]?.subtract(change.gone) }
            for pid in change.new where isCandidate(pid, at: now) { readLine(of: pid, for: sought) }
            for pid in change.young { readLine(of: pid, for: sought) }
            (read, failure) = (Set(change.new + change.young), nil)
        } catch {
            // The next scan knows nothing and reads all.
            (index, matches) = (ScanIndex(), [:])
            (read, failure) = ([], error)
        }
        let before = results
        results = sought.reduce(into: [:]) { results, sought in
            let found = matches[sought.key, default: []].sorted()
            results[sought.key] = failure.map { .failed($0) } ?? .found(found, isComplete: isComplete)
        }
        return results.reduce(into: [:]) { findings, result in
            let isRead = !read.isDisjoint(with: matches[result.key, default: []])
            findings[result.key] = Finding(result: result.value, isNews: isRead || before[result.key] != result.value)
        }
    }

    /// Notes how old a process is that was not seen before.
    private mutating func isCandidate(_ pid: Int32, at now: BootInstant) -> Bool {
        do {
            let stat = try processes.stat(of: pid)
            index.note(pid, began: BootInstant(ticks: stat.startTicks), at: now)
            return !stat.isKernelThread
        } catch {
            noteFailure(error)
            return false
        }
    }

    private mutating func readLine(of pid: Int32, for sought: [TargetID: ByteText]) {
        do {
            // A zombie has none.
            let line = CommandLineText(try processes.commandLine(of: pid))
            for (target, text) in sought {
                if line.contains(text) {
                    matches[target, default: []].insert(pid)
                } else {
                    matches[target]?.remove(pid)
                }
            }
        } catch {
            noteFailure(error)
        }
    }

    /// What is hidden from us may be what is sought; what has ended is not.
    private mutating func noteFailure(_ error: Errno) {
        if error == .permissionDenied || error == .notPermitted { isComplete = false }
    }
}
