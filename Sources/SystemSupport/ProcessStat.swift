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
    /// Where its code and its stack begin, which another exec puts elsewhere; nil when we may not know
    /// (PTRACE_MODE_READ_FSCREDS, ptrace(2)).
    package var program: ProgramPlace?

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
        self.init(parsing: line[...])
    }

    /// Reads the line from wherever it lies: a look at all processes reads thousands of them.
    init?<Line: BidirectionalCollection<UInt8>>(parsing line: Line) {
        // The name may hold spaces and parentheses: the fields begin after the last one.
        guard let open = line.firstIndex(of: UInt8(ascii: "(")), let close = line.lastIndex(of: UInt8(ascii: ")")),
            open < close, let pid = Int32(decimal: line[..<open].dropLast())
        else { return nil }
        var fields = StatFields<Line>(rest: line[line.index(after: close)...])
        // Field 3 (state) is what comes next.
        guard let state = fields.next().first, let parent = Int32(decimal: fields.next()),
            let session = Int32(decimal: fields.next(skipping: 1)),
            let flags = UInt64(decimal: fields.next(skipping: 2)),
            let startTicks = UInt64(decimal: fields.next(skipping: 12)),
            let residentPages = Int64(decimal: fields.next(skipping: 1))
        else { return nil }
        self.pid = pid
        self.name = ByteText(line[line.index(after: open)..<close])
        self.state = state
        self.parent = parent
        self.session = session
        self.flags = flags
        self.startTicks = startTicks
        self.residentPages = residentPages
        let code = UInt64(decimal: fields.next(skipping: 1))
        let stack = UInt64(decimal: fields.next(skipping: 1))
        if let code, let stack, stack != 0 { program = ProgramPlace(code: code, stack: stack) }
    }
}

/// The addresses at which a program's code and stack begin.
package struct ProgramPlace: Sendable, Hashable {
    package var code: UInt64
    package var stack: UInt64
}

/// The fields after the name, one after the other.
private struct StatFields<Line: BidirectionalCollection<UInt8>> {
    var rest: Line.SubSequence

    mutating func next(skipping skipped: Int = 0) -> Line.SubSequence {
        for _ in 0..<skipped { _ = next() }
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        let field = rest.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\n") }
        rest = rest[field.endIndex...]
        return field
    }
}

extension FixedWidthInteger {
    /// A decimal number and nothing else.
    init?(decimal bytes: some Collection<UInt8>) {
        var value: Self = 0
        var digits = bytes[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits = digits.dropFirst() }
        guard !digits.isEmpty else { return nil }
        for byte in digits {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
            let digit = Self(byte - UInt8(ascii: "0"))
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isTooFar) =
                isNegative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            guard !isTooLarge, !isTooFar else { return nil }
            value = sum
        }
        self = value
    }
}
