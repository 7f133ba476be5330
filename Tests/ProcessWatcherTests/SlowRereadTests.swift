import Glibc
import NIOConcurrencyHelpers
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing

@testable import ProcessWatcher

@Suite(.timeLimit(.minutes(1))) struct SlowRereadTests {
    @Test func `A process is read in full again after an exec, and only glanced at otherwise`() async throws {
        let processes = CountedFacts()
        let watched = try WatchedProcess(processes: processes)
        let (gate, proof) = (watched.directory.file("gate"), watched.directory.file("proof"))
        try #require(gate.withPlatformString { mkfifo($0, 0o600) } == 0)
        let target = try TestProcess.testTarget.string
        let script = #"echo $$ >"$1"; read go <"$2"; exec "$3" run --pidfile "$4""#
        let process = try TestProcess.start(
            "/bin/sh", ["-c", script, "sh", watched.pidFile.string, gate.string, target, proof.string])
        try await TestProcess.waitUntil(watched.pidFile, names: process.pid)
        try await watched.observing { observations in
            _ = try await observations.alive()
            await processes.nextReading()
            await watched.clock.sleep(lasting: .seconds(2))
            watched.clock.advance(by: .seconds(2))
            await processes.nextReading()

            // From the beginning of the observation it is 28 s, then 30 s each.
            await watched.clock.sleep(lasting: .seconds(28))
            watched.clock.advance(by: .seconds(28))
            await watched.clock.sleep(lasting: .seconds(30))
            try OwnedDescriptor.open(gate, O_WRONLY).writeAll(Array("go\n".utf8))
            try await TestProcess.waitUntil(proof, names: process.pid)
            watched.clock.advance(by: .seconds(30))
            await processes.nextReading()
            // Comes after the look that reads it.
            _ = await watched.perform(.recover)
            #expect(processes.count == 3)

            // What is started again is what it had become.
            process.kill()
            _ = try await observations.dead()
            guard case .up(let life, _) = await watched.perform(.recover), let pid = life.pid else {
                Issue.record("it was not started again")
                return
            }
            #expect(try ProcFS().executable(of: pid).description == target)
        }
    }
}

/// Tells when a process has been read in full.
private final class CountedFacts: ForwardingProcesses {
    private let readings = AsyncStream.makeStream(of: Void.self)
    private let total = NIOLockedValueBox(0)

    var count: Int { total.withLockedValue { $0 } }

    func nextReading() async {
        _ = await readings.stream.first { _ in true }
    }

    func facts(of pid: Int32) throws(Errno) -> ProcessFacts {
        let facts = try ProcFS().facts(of: pid)
        // Not of ourselves: that is read once, at the start.
        if pid != ProcessHandle.ownPID {
            total.withLockedValue { $0 += 1 }
            readings.continuation.yield()
        }
        return facts
    }
}
