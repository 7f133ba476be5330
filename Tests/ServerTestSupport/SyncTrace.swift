/// What a trace of system calls says of the write-ahead log: whether each acknowledgement was covered.
package struct SyncTrace {
    /// One thing that happened, in order.
    package enum Step: Hashable {
        case wrote, synced
        case acknowledged
    }

    package private(set) var steps: [Step] = []

    /// Reads the output of `SystemCallTracer`.
    ///
    /// A call that other threads interrupt is split into an `unfinished` and a `resumed` line; a sync counts when it
    /// returns. An acknowledgement is a write whose text begins with `marker`.
    package init(_ output: String, log: String, marker: String) {
        var syncing: Set<Substring> = []
        for line in output.split(separator: "\n") {
            let thread = line.prefix { $0 != " " }
            let isLog = line.contains("\(log)>")
            if line.contains("\"\(marker)") {
                steps.append(.acknowledged)
            } else if line.contains("pwrite64("), isLog {
                steps.append(.wrote)
            } else if line.contains("fdatasync(") || line.contains("fsync("), isLog {
                if line.contains("<unfinished") { syncing.insert(thread) } else { steps.append(.synced) }
            } else if line.contains("sync resumed>"), syncing.remove(thread) != nil {
                steps.append(.synced)
            }
        }
    }

    /// How many acknowledgements came while something written was not yet synced, or with nothing written at all.
    package var uncovered: Int {
        var count = 0
        var isDirty = false
        var hasWritten = false
        for step in steps {
            switch step {
            case .wrote:
                isDirty = true
                hasWritten = true
            case .synced: isDirty = false
            case .acknowledged:
                if isDirty || !hasWritten { count += 1 }
                hasWritten = false
            }
        }
        return count
    }

    /// How many acknowledgements there were.
    package var acknowledged: Int { steps.count { $0 == .acknowledged } }
}
