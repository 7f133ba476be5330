import Dispatch
import Glibc
import NIOConcurrencyHelpers

/// A program that the benchmark started and will end.
final class ChildProcess: Sendable {
    let id: pid_t
    /// Just before the kernel was asked to start it.
    let started: ContinuousClock.Instant
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
    ///   - log: Where its output is appended.
    init(_ arguments: [String], environment: [String: String] = [:], log: String = "/dev/null") throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)

        // The benchmark ignores the signals it traps, and a program that it starts must not inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        let argv = arguments.map { strdup($0) } + [nil]
        let envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var id: pid_t = 0
        started = ContinuousClock.now
        let error = posix_spawn(&id, arguments[0], &actions, &attributes, argv, envp)
        guard error == 0 else { throw BenchmarkError.cannotStart(arguments[0], String(cString: strerror(error))) }
        self.id = id
        let exit = NIOLockedValueBox(Exit())
        self.exit = exit
        // A queue of its own, which gets a thread at once: waitpid blocks one for as long as the child lives.
        DispatchQueue(label: "child \(id)").async { [id] in
            var status: Int32 = 0
            while waitpid(id, &status, 0) < 0, errno == EINTR {}
            let waiters = exit.withLockedValue { exit in
                exit.status = status
                defer { exit.waiters = [] }
                return exit.waiters
            }
            for waiter in waiters { waiter.resume(returning: status) }
        }
    }

    /// Waits for its end and returns the wait status.
    @discardableResult
    func ended() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status = exit.withLockedValue { exit in
                if exit.status == nil { exit.waiters.append(continuation) }
                return exit.status
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// Asks it to end, and makes it end after a while if it does not.
    func end(within patience: DispatchTimeInterval = .seconds(15)) async {
        signal(SIGTERM)
        let killing = DispatchWorkItem { self.signal(SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + patience, execute: killing)
        await ended()
        killing.cancel()
    }

    /// Sends it a signal unless its end is known already, when the number could be somebody else's.
    func signal(_ number: Int32) {
        exit.withLockedValue { exit in
            if exit.status == nil { kill(id, number) }
        }
    }
}
