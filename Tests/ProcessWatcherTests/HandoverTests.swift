import Glibc
import NIOConcurrencyHelpers
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing

/// `start:` commands that make themselves daemons, with real processes.
@Suite(.serialized, .timeLimit(.minutes(1))) struct HandoverTests {
    /// As a service manager's: that it is over is seen before the manager collects it.
    @Test(arguments: [SystemSupport.ExitStatus.uncollected, .unknown])
    func `A command that ended is waited for while it is not known how`(status: SystemSupport.ExitStatus) async throws {
        let directory = try TestProcessDirectory()
        let gate = directory.file("gate").string
        #expect(mkfifo(gate, 0o600) == 0)
        let program = try TestProcess.testTarget
        let daemon = "read line <\(gate) && exec \(program) run --pidfile \(directory.file("bot.pid"))"
        let processes = LateStatus(status)
        let watched = try WatchedProcess(
            TargetSettings(start: ["/bin/sh", "-c", "(\(daemon)) & exit 0"]), directory: directory,
            processes: processes)
        try await watched.observing { _ in
            async let outcome = watched.perform(.recover)
            for await _ in processes.questions { break }
            // The end was looked at, and only now there is something to be found.
            try OwnedDescriptor.open(FilePath(gate), O_WRONLY | O_CLOEXEC).writeAll(Array("go\n".utf8))
            guard case .up(let identity, _) = await outcome else {
                Issue.record("not started: \(await outcome)")
                return
            }
            #expect(identity.pid == (try await TestProcess.named(by: watched.pidFile)).pid)
        }
    }
}

/// Everything as on this machine, but how a process ended is not told.
private struct LateStatus: ForwardingProcesses {
    /// Each time somebody asks.
    let questions: AsyncStream<Void>
    private let status: SystemSupport.ExitStatus
    private let asked: AsyncStream<Void>.Continuation

    init(_ status: SystemSupport.ExitStatus) {
        self.status = status
        (questions, asked) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func exitStatus(of process: ProcessHandle) -> SystemSupport.ExitStatus {
        asked.yield()
        return status
    }
}
