import Glibc
import Supervision
import SystemPackage

/// Runs commands as children in sessions of their own, and waits for them on an event loop
/// (docs/decisions/0011-commands-run-on-the-event-loop.md).
package actor ProcessCommandRunner: CommandRunner {
    private let loop: EventLoop
    private let spawner = ProcessSpawner()
    /// Killed, and not collected yet.
    private var dying: [Int32: ProcessExitEvent] = [:]

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    package init(on loop: EventLoop) {
        self.loop = loop
    }

    package func run(_ command: ProgramCall) async -> ProgramResult {
        let output = CollectedOutput(limit: command.outputLimit)
        let errorOutput = CollectedOutput(limit: command.outputLimit)
        let deadline = BootClock().now.advanced(by: command.deadline)
        let end = await conduct(
            command, until: deadline, output: { await output.take($0) }, errorOutput: { await errorOutput.take($0) })
        return ProgramResult(end, output: await output.bytes, errorOutput: await errorOutput.bytes)
    }

    package func follow(
        _ command: ProgramCall, longestLine: Int, _ take: @escaping @Sendable (OutputLine) async -> Void
    ) async -> ProgramResult {
        let lines = FollowedOutput(longestLine: longestLine, on: loop, take)
        let errorOutput = CollectedOutput(limit: command.outputLimit)
        let end = await conduct(
            command, until: nil, output: { await lines.take($0) }, errorOutput: { await errorOutput.take($0) })
        await lines.finish()
        return ProgramResult(end, errorOutput: await errorOutput.bytes)
    }

    // MARK: - One child

    /// Takes a piece of output, and tells whether it may go on.
    private typealias Sink = @Sendable ([UInt8]) async -> Bool

    private struct Child: Sendable {
        var handle: ProcessHandle
        var output: OwnedDescriptor
        var errorOutput: OwnedDescriptor

        /// Ends all of its group. The group keeps its number at least until the child is collected.
        func kill() { _ = Glibc.kill(-handle.pid, SIGKILL) }
    }

    private func conduct(
        _ command: ProgramCall, until deadline: BootInstant?, output: @escaping Sink, errorOutput: @escaping Sink
    ) async -> ProgramResult.End {
        guard !Task.isCancelled else { return .cancelled }
        let child: Child
        do {
            child = try await start(command)
        } catch {
            return .notStarted("\(command.executable): \(error.errno)")
        }
        let loop = self.loop
        let reason = await withTaskGroup(of: ProgramResult.End?.self) { group in
            group.addTask { await self.attend(child, output: output, errorOutput: errorOutput) }
            if let deadline {
                group.addTask { (try? await loop.sleep(until: deadline)) == nil ? .cancelled : .timedOut }
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        // Also after an orderly end: what it left behind in its group is nobody's.
        child.kill()
        let status = child.handle.reap()
        if status == .running { collectLater(child.handle) }
        if let reason { return Task.isCancelled ? .cancelled : reason }
        return switch status {
        case .exited(let code): .exited(code)
        case .signalled(let signal): .signalled(signal)
        case .running: .cancelled
        case .uncollected, .unknown: .notStarted("\(command.executable): its end is not known")
        }
    }

    private func start(_ command: ProgramCall) async throws(LaunchError) -> Child {
        let plan = LaunchPlan(
            executable: ByteText(command.executable.string),
            arguments: [ByteText(command.executable.string)] + command.arguments.map { ByteText($0) },
            environment: command.environment.sorted { $0.key < $1.key }.map { ByteText("\($0.key)=\($0.value)") },
            directory: "/", umask: 0o022, limits: [])
        let output: (reading: OwnedDescriptor, writing: OwnedDescriptor)
        let errorOutput: (reading: OwnedDescriptor, writing: OwnedDescriptor)
        let prepared: GatedProcess
        do {
            output = try OwnedDescriptor.pipe()
            errorOutput = try OwnedDescriptor.pipe()
            prepared = try spawner.prepare(plan, outputs: (output.writing, errorOutput.writing))
        } catch {
            throw LaunchError(step: .setup, errno: error)
        }
        _ = try await prepared.letGo(on: loop)
        return Child(handle: prepared.handle, output: output.reading, errorOutput: errorOutput.reading)
    }

    /// Reads until the child has ended, or the task is cancelled.
    ///
    /// - Returns: why it has to be ended; nil when it has ended itself.
    private func attend(
        _ child: Child, output: @escaping Sink, errorOutput: @escaping Sink
    ) async -> ProgramResult.End? {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.read(child.output, of: child, output) }
            group.addTask { await self.read(child.errorOutput, of: child, errorOutput) }
            try? await child.handle.waitForEnd(on: loop)
            let hasEnded = !child.handle.isAlive
            // A descendant may hold the pipes open: who is cancelled reads what is there, and no more.
            group.cancelAll()
            var isWithinLimits = true
            for await isFine in group where !isFine { isWithinLimits = false }
            return !isWithinLimits ? .tooMuchOutput : hasEnded ? nil : .cancelled
        }
    }

    /// More than a pipe holds, as a rule (pipe(7)): after the end only what was in it is read.
    private static let lastPieces = 8
    private static let pieceSize = 16384

    /// - Returns: false when its sink wants no more, and the child was ended for it.
    private func read(_ pipe: OwnedDescriptor, of child: Child, _ sink: Sink) async -> Bool {
        var buffer = [UInt8](repeating: 0, count: Self.pieceSize)
        var piecesLeft = Self.lastPieces
        while true {
            let isLast = Task.isCancelled
            while piecesLeft > 0 {
                let count = buffer.withUnsafeMutableBytes { Glibc.read(pipe.rawValue, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                if count == 0 { return true }
                guard count > 0 else { break }
                // Who never stops writing is not read to the end.
                if Task.isCancelled { piecesLeft -= 1 }
                guard await sink(Array(buffer.prefix(count))) else {
                    child.kill()
                    return false
                }
            }
            if isLast { return true }
            // Returns early when the task is cancelled.
            do { try await pipe.readable(on: loop) } catch { return true }
        }
    }

    /// What was killed ends soon, unless the kernel holds it in a system call: nobody waits for that.
    private func collectLater(_ handle: ProcessHandle) {
        dying[handle.pid] = try? ProcessExitEvent(of: handle, on: loop) { [weak self] in
            _ = handle.reap()
            self?.assumeIsolated { $0.dying[handle.pid] = nil }
        }
    }
}

/// Output that is kept, up to a limit.
private actor CollectedOutput {
    private let limit: Int
    private(set) var bytes: [UInt8] = []

    init(limit: Int) {
        self.limit = limit
    }

    func take(_ piece: [UInt8]) -> Bool {
        bytes += piece.prefix(limit - bytes.count)
        return bytes.count < limit
    }
}

/// Output that is given on line by line, at no more than a pace.
private actor FollowedOutput {
    private let loop: EventLoop
    private var pace = OutputPace()
    private var lines: OutputLines
    private let give: @Sendable (OutputLine) async -> Void

    init(longestLine: Int, on loop: EventLoop, _ give: @escaping @Sendable (OutputLine) async -> Void) {
        self.loop = loop
        lines = OutputLines(longest: longestLine)
        self.give = give
    }

    func take(_ piece: [UInt8]) async -> Bool {
        let start = BootClock().now
        for line in lines.append(piece) { await give(line) }
        if let pause = pace.spend(from: start, to: BootClock().now) {
            await give(.paused)
            try? await loop.sleep(until: pause)
        }
        return true
    }

    func finish() async {
        if let line = lines.finish() { await give(line) }
    }
}
