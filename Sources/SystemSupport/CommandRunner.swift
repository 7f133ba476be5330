package import SystemPackage

/// Runs programs of the system to their end: fixed arguments, no shell, a time and an amount of output that they may take.
package protocol CommandRunner: Sendable {
    /// Runs a command and collects what it writes.
    ///
    /// An implementation must guarantee: after it has returned, nothing of the command's process group runs any more.
    /// Cancellation ends the group with SIGKILL, and so does the deadline.
    func run(_ command: ProgramCall) async -> ProgramResult

    /// Runs a command for as long as it likes, and gives each line that it writes to `take`, one after the other.
    ///
    /// While `take` works, nothing more is read: who writes faster has to wait (pipe(7)), and so has who writes more than
    /// `OutputPace` allows, of which `take` is told. Cancellation ends it.
    func follow(
        _ command: ProgramCall, longestLine: Int, _ take: @escaping @Sendable (OutputLine) async -> Void
    ) async -> ProgramResult
}

/// A program, what it is given, and what it may take.
package struct ProgramCall: Sendable, Hashable {
    /// Absolute: nothing is looked for.
    package var executable: FilePath
    package var arguments: [String]
    /// All of its environment.
    package var environment: [String: String]
    /// How long it may run; only `run` asks.
    package var deadline: Duration
    /// In bytes, of each of its two outputs.
    package var outputLimit: Int

    package init(
        _ executable: FilePath, _ arguments: [String], environment: [String: String], deadline: Duration,
        outputLimit: Int = 1 << 20
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.deadline = deadline
        self.outputLimit = outputLimit
    }
}

/// How a command ended, and what it wrote. That a program fails is a result like any other.
package struct ProgramResult: Sendable, Hashable {
    package enum End: Sendable, Hashable {
        case exited(Int32)
        case signalled(Int32)
        /// It could not be started, for this reason.
        case notStarted(String)
        case timedOut
        case tooMuchOutput
        case cancelled
    }

    package var end: End
    package var output: [UInt8]
    package var errorOutput: [UInt8]

    package init(_ end: End, output: [UInt8] = [], errorOutput: [UInt8] = []) {
        self.end = end
        self.output = output
        self.errorOutput = errorOutput
    }
}
