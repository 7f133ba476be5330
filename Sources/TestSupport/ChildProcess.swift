import Dispatch
import FoundationEssentials
import NIOConcurrencyHelpers
import WireProtocol

#if canImport(Glibc)
    package import Glibc
#elseif canImport(Musl)
    package import Musl
#else
    package import Darwin
#endif

/// A program that a test, a measurement or the demo started and will end.
///
/// It leads a process group of its own: a Ctrl-C in the terminal reaches only whoever started it, and can be answered
/// in good order. Nothing of the starter's environment or signal dispositions is inherited.
package final class ChildProcess: Sendable {
    /// Where standard output and standard error go.
    package enum Output: Sendable {
        case discarded
        /// Appended to that file.
        case file(String)
        /// To ``lines``.
        case lines
    }

    package let id: pid_t
    /// Just before the kernel was asked to start it.
    package let started: ContinuousClock.Instant
    /// What it writes, line by line, for one reader; ends when the last writer is gone. Empty unless asked for.
    package let lines: AsyncStream<String>
    private let exit: NIOLockedValueBox<Exit>

    private struct Exit {
        var status: Int32?
        var waiters: [CheckedContinuation<Int32, Never>] = []
    }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - arguments: The program's absolute path, and what it gets.
    ///   - environment: All of its environment.
    ///   - output: Where its words go.
    /// - Throws: ``ChildProcessError`` when it cannot be started.
    package init(
        _ arguments: [String], environment: [String: String] = [:], output: Output = .discarded
    ) throws {
        let pipe = try ChildOutputPipe(output)
        let argv = arguments.map { strdup($0) } + [nil]
        let envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var id: pid_t = 0
        started = ContinuousClock.now
        let error = Self.withSpawnSettings(output: pipe) { actions, attributes in
            posix_spawn(&id, arguments[0], actions, attributes, argv, envp)
        }
        lines = pipe.lines(whenStarted: error == 0)
        guard error == 0 else { throw ChildProcessError(program: arguments[0], errno: error) }
        self.id = id
        exit = NIOLockedValueBox(Exit())
        reap()
    }

    /// Whether its end is known.
    package var hasEnded: Bool { exit.withLockedValue { $0.status != nil } }

    /// Waits for its end and returns the wait status.
    @discardableResult
    package func ended() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status = exit.withLockedValue { exit in
                if exit.status == nil { exit.waiters.append(continuation) }
                return exit.status
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// Asks it to end, and makes it end if it has not after `patience`.
    @discardableResult
    package func end(within patience: Duration = .seconds(15)) async -> Int32 {
        signal(SIGTERM)
        let killing = DispatchWorkItem { self.signal(SIGKILL) }
        let deadline = DispatchTime.now() + .milliseconds(Int(clamping: patience.wholeMilliseconds))
        DispatchQueue.global().asyncAfter(deadline: deadline, execute: killing)
        defer { killing.cancel() }
        return await ended()
    }

    /// Sends it a signal, unless its end is known already and the number could be somebody else's.
    package func signal(_ number: Int32) {
        exit.withLockedValue { exit in
            if exit.status == nil { _ = kill(id, number) }
        }
    }

    // MARK: How it starts and ends

    private func reap() {
        // A queue of its own, which gets a thread at once: waiting blocks one for as long as the child lives.
        DispatchQueue(label: "child \(id)").async { [id, exit] in
            // Waits without reaping first: until the status is noted, the number must stay this child's.
            var information = siginfo_t()
            while waitid(P_PID, id_t(id), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
            let (status, waiters) = exit.withLockedValue { exit in
                var status: Int32 = 0
                while waitpid(id, &status, 0) < 0, errno == EINTR {}
                exit.status = status
                defer { exit.waiters = [] }
                return (status, exit.waiters)
            }
            for waiter in waiters { waiter.resume(returning: status) }
        }
    }

    private static func withSpawnSettings(
        output: ChildOutputPipe,
        _ body: (UnsafePointer<posix_spawn_file_actions_t>, UnsafePointer<posix_spawnattr_t>) -> Int32
    ) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.writeEnd, 1)
        posix_spawn_file_actions_adddup2(&actions, output.writeEnd, 2)
        // NIO's sockets are not close-on-exec: what a child holds of them goes on taking or keeping connections.
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/fd")) ?? []
        for descriptor in open.compactMap({ Int32($0) }) where descriptor > 2 {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Whoever traps signals ignores them otherwise, and a program would inherit that.
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))
        return body(&actions, &attributes)
    }
}

/// Says why a program did not start.
package struct ChildProcessError: Error, CustomStringConvertible {
    package var program: String
    package var errno: Int32

    package var description: String { "cannot start \(program): \(String(cString: strerror(errno)))" }
}
