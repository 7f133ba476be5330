import Glibc

/// What /proc/PID/stat tells of a process (proc_pid_stat(5)).
package struct ProcessStat: Sendable, Hashable {
    package var pid: Int32
    package var name: ByteText
    /// A letter: R, S, D, T, Z …
    package var state: UInt8
    package var parent: Int32
    package var session: Int32
    package var flags: UInt64
    /// When it began, in ticks of the boot clock.
    package var startTicks: UInt64
    /// Its memory in pages, about.
    package var residentPages: Int64

    /// PF_KTHREAD, include/linux/sched.h: a thread of the kernel, without a program.
    package var isKernelThread: Bool { flags & 0x0020_0000 != 0 }
    package var isZombie: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }

    /// Its memory, to a tenth of a megabyte.
    package var residentMB: Double {
        let bytes = Double(residentPages) * Double(max(1, sysconf(Int32(_SC_PAGESIZE))))
        return (bytes / 1_048_576 * 10).rounded() / 10
    }

    /// Reads the one line of the file; nil when it is not in the form of proc_pid_stat(5).
    package init?(parsing line: [UInt8]) {
        // The name may hold spaces and parentheses: the fields begin after the last one.
        guard let open = line.firstIndex(of: UInt8(ascii: "(")), let close = line.lastIndex(of: UInt8(ascii: ")")),
            open < close, let pid = Int32(decimal: line[..<open].dropLast())
        else { return nil }
        var rest = line[(close + 1)...]
        // Field 3 (state) is what comes next; this takes the one after `skipped` others.
        func field(skipping skipped: Int = 0) -> ArraySlice<UInt8> {
            for _ in 0..<skipped { _ = rest.nextWord() }
            return rest.nextWord()
        }
        guard let state = field().first, let parent = Int32(decimal: field()),
            let session = Int32(decimal: field(skipping: 1)), let flags = UInt64(decimal: field(skipping: 2)),
            let startTicks = UInt64(decimal: field(skipping: 12)),
            let residentPages = Int64(decimal: field(skipping: 1))
        else { return nil }
        self.pid = pid
        self.name = ByteText(line[(open + 1)..<close])
        self.state = state
        self.parent = parent
        self.session = session
        self.flags = flags
        self.startTicks = startTicks
        self.residentPages = residentPages
    }
}

extension ArraySlice<UInt8> {
    /// Takes the next run of non-blanks.
    fileprivate mutating func nextWord() -> ArraySlice<UInt8> {
        self = drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        let word = prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\n") }
        self = self[word.endIndex...]
        return word
    }
}

extension FixedWidthInteger {
    /// A decimal number and nothing else.
    init?(decimal bytes: some Sequence<UInt8>) {
        self.init(String(decoding: Array(bytes), as: UTF8.self), radix: 10)
    }
}
