import Glibc
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing

/// How processes ended that are not our children, with real ones, on a kernel that tells and on one that does not.
///
/// One after the other: each has inotify instances, of which a user has 128 (fs.inotify.max_user_instances).
@Suite(
    .serialized, .timeLimit(.minutes(1)), .enabled(if: KernelTells.exitStatus, "needs Linux 6.15: PIDFD_INFO_EXIT"))
struct ExitStatusTests {
    /// A way to end, and what is to be known of it.
    struct Ending: Sendable, CustomTestStringConvertible {
        var options: [String] = []
        var signal: Int32
        var cause: End.Cause
        var isDeliberate = false

        var testDescription: String { "\(cause)" }
    }

    /// For where init collects, which may take it seconds.
    static let someEndings = [
        Ending(options: ["--term-exit", "3"], signal: SIGTERM, cause: .exit(code: 3)),
        Ending(signal: SIGKILL, cause: .signal(SIGKILL)),
        Ending(signal: SIGTERM, cause: .signal(SIGTERM), isDeliberate: true),
    ]

    static let endings =
        someEndings + [
            Ending(options: ["--term-exit", "0"], signal: SIGTERM, cause: .exit(code: 0)),
            Ending(options: ["--term-exit", "78"], signal: SIGTERM, cause: .exit(code: 78)),
            Ending(signal: SIGINT, cause: .signal(SIGINT), isDeliberate: true),
            Ending(signal: SIGHUP, cause: .signal(SIGHUP), isDeliberate: true),
            Ending(options: ["--core"], signal: SIGSEGV, cause: .signal(SIGSEGV)),
            // The first thread, whose own status is 0, has long ended.
            Ending(options: ["--leader-exits"], signal: SIGKILL, cause: .signal(SIGKILL)),
        ]

    @Test(arguments: endings, [[], ["--subreaper"]])
    func `A parent that collects late delays what is known, not the news of the death`(
        ending: Ending, family: [String]
    ) async throws {
        let watched = try WatchedProcess()
        let (parent, process) = try await Self.start(ending.options, for: watched, family)
        defer { parent.kill() }
        try await watched.observing { observations in
            let life = try await observations.alive()
            process.kill(ending.signal)
            let first = try await observations.deadly()
            #expect(first.liveness == .dead(End(identity: life, cause: .unknown)))
            #expect(first.grace == .seconds(5))
            parent.kill(SIGUSR1)
            let second = try await observations.deadly()
            let end = End(identity: life, cause: ending.cause, isDeliberate: ending.isDeliberate)
            #expect(second.liveness == .dead(end))
            #expect(second.grace == .seconds(5), "its parent may bring it back")
        }
    }

    @Test(arguments: someEndings)
    func `Init collects an orphan, and then the grace is a second`(ending: Ending) async throws {
        let directory = try TestProcessDirectory()
        let watched = try WatchedProcess(directory: directory)
        var options = TestProcess.Options()
        options.directory = directory.path
        let process = try await TestProcess.start(pidFile: watched.pidFile, ending.options, options)
        try await watched.observing { observations in
            let life = try await observations.alive()
            process.kill(ending.signal)
            let known = try await observations.first { observation in
                guard case .dead(let end) = observation.liveness, end.cause != .unknown else {
                    return observation.grace == .seconds(1) ? observation : nil
                }
                return observation
            }
            let end = End(identity: life, cause: ending.cause, isDeliberate: ending.isDeliberate)
            #expect(known.liveness == .dead(end))
            #expect(known.grace == .seconds(1))
        }
    }

    @Test(arguments: someEndings)
    func `An older kernel does not tell, and nothing is guessed or waited for`(ending: Ending) async throws {
        let watched = try WatchedProcess(processes: OlderKernel())
        let process = try await TestProcess.start(pidFile: watched.pidFile, ending.options)
        try await watched.observing { observations in
            let life = try await observations.alive()
            process.kill(ending.signal)
            let first = try await observations.deadly()
            #expect(first.liveness == .dead(End(identity: life, cause: .unknown)))
            #expect(first.grace == .seconds(1))
            try await process.endAndBeCollected()
            unlink(watched.pidFile.string)
            let second = try await observations.deadly()
            #expect(second.liveness == .dead(End(identity: life, cause: .unknown, isDeliberate: true)))
        }
    }

    @Test func `What becomes known after the restart is told of the former life`() async throws {
        let watched = try WatchedProcess()
        let (parent, process) = try await Self.start(["--term-exit", "3"], for: watched, [])
        defer { parent.kill() }
        try await watched.observing { observations in
            let first = try await observations.alive()
            process.kill(SIGTERM)
            _ = try await observations.dead()
            _ = await watched.perform(.recover)
            let second = try await observations.alive(otherThan: first)
            parent.kill(SIGUSR1)
            let told = try await observations.first { $0.former?.cause == .unknown ? nil : $0 }
            #expect(told.liveness == .alive(second))
            #expect(told.former == End(identity: first, cause: .exit(code: 3)))
        }
    }

    @Test func `What our own signal did is not waited for`() async throws {
        let watched = try WatchedProcess()
        let (parent, _) = try await Self.start([], for: watched, [])
        defer { parent.kill() }
        try await watched.observing { observations in
            let life = try await observations.alive()
            #expect(await watched.perform(.stop) == .down)
            let end = try await observations.dead()
            #expect(end == End(identity: life, cause: .unknown))
        }
    }

    static let statuses: [(Int32, SystemSupport.ExitStatus)] = [
        (0x0000, .exited(0)), (0x0300, .exited(3)), (0x4e00, .exited(78)), (0xff00, .exited(255)),
        (0x0009, .signalled(9)), (0x008b, .signalled(11)), (0x0040, .signalled(64)),
    ]

    @Test(arguments: statuses)
    func `A status is taken apart as wait(2) gives it`(status: Int32, expected: SystemSupport.ExitStatus) {
        #expect(SystemSupport.ExitStatus(waitStatus: status) == expected)
    }

    /// Starts the target as somebody's child.
    private static func start(
        _ options: [String], for watched: WatchedProcess, _ family: [String]
    ) async throws -> (parent: TestProcess, target: TestProcess) {
        let program = try TestProcess.testTarget
        let command = [program.string, "run", "--pidfile", watched.pidFile.string] + options
        var place = TestProcess.Options()
        place.directory = watched.directory.path
        let parent = try TestProcess.start(program, ["parent"] + family + ["--"] + command, place)
        return (parent, try await TestProcess.named(by: watched.pidFile))
    }
}

/// Everything as on this machine, but a pidfd tells no exit status: Linux before 6.15.
struct OlderKernel: ForwardingProcesses {
    func exitStatus(of process: ProcessHandle) -> SystemSupport.ExitStatus { process.reap() }
}

enum KernelTells {
    /// Whether this kernel tells how processes ended that are not our children.
    static let exitStatus: Bool = {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let version = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        return !version.lexicographicallyPrecedes([6, 15])
    }()
}

extension ObservationReader {
    /// The next observation of a death.
    fileprivate func deadly() async throws -> Observation {
        try await first { observation in
            if case .dead = observation.liveness { return observation }
            return nil
        }
    }
}
