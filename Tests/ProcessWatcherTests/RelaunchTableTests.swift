import Glibc
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

/// Who may be started again by root, with processes that were made for it, and what is told of each.
@Suite(.timeLimit(.minutes(1)), .serialized)
struct RelaunchTableTests {
    static let user: UInt32 = 12345

    /// A process, and how it is made for a target whose directory belongs to ``user``.
    struct Made: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var make: @Sendable (WatchedProcess) async throws -> (TestProcess, TestCgroup?)

        /// A process that differs in how it is started, or in what it does.
        init(
            _ name: String, _ arguments: [String] = [],
            _ change: @escaping @Sendable (inout TestProcess.Options) -> Void = { _ in }
        ) {
            self.init(name) { watched in
                var options = watched.options
                change(&options)
                return (try await TestProcess.start(pidFile: watched.pidFile, arguments, options), nil)
            }
        }

        /// A process of a program made for it, or of one that starts it.
        init(
            _ name: String, user: UInt32? = user, _ arguments: [String] = [],
            program: @escaping @Sendable (TestProcessDirectory) async throws -> [String]
        ) {
            self.init(name) { watched in
                var options = watched.options
                options.user = user
                let command =
                    try await program(watched.directory) + ["run", "--pidfile", watched.pidFile.string] + arguments
                let process = try TestProcess.start(FilePath(command[0]), Array(command.dropFirst()), options)
                try await TestProcess.waitUntil(watched.pidFile, names: process.pid)
                return (process, nil)
            }
        }

        init(_ name: String, cgroup: String) {
            self.init(name) { watched in
                let cgroup = try TestCgroup(cgroup)
                var options = watched.options
                options.cgroup = cgroup.path
                return (try await TestProcess.start(pidFile: watched.pidFile, [], options), cgroup)
            }
        }

        private init(
            _ name: String, make: @escaping @Sendable (WatchedProcess) async throws -> (TestProcess, TestCgroup?)
        ) {
            testDescription = name
            self.make = make
        }
    }

    // MARK: Who may not

    @Test(
        .needsRoot,
        arguments: [
            (
                Made("setuid", user: nil) { [try $0.testTarget(permissions: 0o4755).string] },
                "its executable is setuid or setgid or has file capabilities"
            ),
            (
                Made("setgid", user: nil) { [try $0.testTarget(permissions: 0o2755).string] },
                "its executable is setuid or setgid or has file capabilities"
            ),
            (
                Made("file capabilities") { [try await $0.testTargetWithCapability().string] },
                "its executable is setuid or setgid or has file capabilities"
            ),
            (
                Made("ambient capabilities", user: nil) { _ in
                    [
                        "/usr/bin/setpriv", "--reuid=\(user)", "--inh-caps=+net_bind_service",
                        "--ambient-caps=+net_bind_service", try TestProcess.testTarget.string,
                    ]
                },
                "it has other capabilities than it would get when started again"
            ),
            (
                Made("root with fewer capabilities", user: nil) { _ in
                    ["/usr/bin/setpriv", "--bounding-set=-sys_admin", try TestProcess.testTarget.string]
                },
                "it has other capabilities than it would get when started again"
            ),
            (
                Made("a changed effective id", ["--effective-user", "\(user)"]) { $0.user = nil },
                "its real, effective, saved and file system ids differ"
            ),
            (
                Made("a container", cgroup: "docker-" + String(repeating: "0a", count: 32) + ".scope"),
                "it runs in a container: watch it as docker:"
            ),
            (
                Made("somebody else's service", cgroup: "clevagent-test-web.service"),
                "it runs in the service clevagent-test-web.service: watch it as systemd:clevagent-test-web.service"
            ),
            (
                Made("a service that is named like a unit of ours", cgroup: "clevagent-launch-x.service"),
                "it runs in the service clevagent-launch-x.service: watch it as systemd:clevagent-launch-x.service"
            ),
            (
                Made("an ipc namespace") { $0.newNamespaces = ["ipc"] },
                "it lives in another ipc namespace than the runner"
            ),
            (
                Made("a mount namespace") { $0.newNamespaces = ["mnt"] },
                "it lives in another mnt namespace than the runner"
            ),
            (
                Made("a network namespace") { $0.newNamespaces = ["net"] },
                "it lives in another net namespace than the runner"
            ),
            (
                Made("a host name of its own") { $0.newNamespaces = ["uts"] },
                "it lives in another uts namespace than the runner"
            ),
            (
                Made("a new name", ["--title", "bot: serving customers since 1999"]),
                "it has overwritten its own command line: set start: for it"
            ),
        ] as [(Made, String)])
    func `Is told, neither stopped nor started again`(made: Made, obstacle: String) async throws {
        let watched = try WatchedProcess(owner: Self.user)
        let (process, cgroup) = try await made.make(watched)
        try await watched.observing { observations in
            let told = try await observations.first { $0.obstacle }
            #expect(told == obstacle)
            #expect(await watched.perform(.restart) == .failed(obstacle, isPermanent: true))
            #expect(process.handle.isAlive)
            process.kill()
            _ = try await observations.dead()
            #expect(await watched.perform(.recover) == .failed(obstacle, isPermanent: true))
        }
        #expect(try processes(of: watched).isEmpty)
        withExtendedLifetime(cgroup) {}
    }

    @Test(.needsRoot) func `One in a PID namespace of its own is told, and nothing is done to it`() async throws {
        let watched = try WatchedProcess(owner: Self.user)
        var options = watched.options
        options.newNamespaces = ["pid"]
        // What it writes is the PID that it has inside.
        let process = try watched.startUnannounced(options)
        try await watched.observing { observations in
            let told = "it lives in another pid namespace than the runner"
            let obstacle = try await observations.first { $0.obstacle }
            #expect(obstacle == told)
            #expect(await watched.perform(.restart) == .failed(told, isPermanent: true))
            #expect(process.handle.isAlive)
            process.kill()
        }
    }

    // MARK: Who may

    @Test(
        .needsRoot,
        arguments: [
            (Made("root's own") { $0.user = nil }, 0, false),
            (Made("another user's"), user, false),
            (Made("one that gave up being root", ["--switch-user", "\(user)"]) { $0.user = nil }, user, false),
            (Made("one that executed itself anew", ["--reexec"]), user, false),
            (
                Made("one that can't get more rights") { _ in
                    ["/usr/bin/setpriv", "--no-new-privs", try TestProcess.testTarget.string]
                }, user, true
            ),
            (
                Made("one that a shell was replaced by") { _ in
                    ["/bin/sh", "-c", "exec \"$0\" \"$@\"", try TestProcess.testTarget.string]
                }, user, false
            ),
        ] as [(Made, UInt32, Bool)])
    func `Comes back as it was`(made: Made, user: UInt32, hasNoNewPrivileges: Bool) async throws {
        let watched = try WatchedProcess(owner: Self.user)
        let (process, _) = try await made.make(watched)
        let before = try ProcFS().facts(of: process.pid)
        let after = try await watched.relaunched(process)
        #expect(after.status.users == Array(repeating: user, count: 4))
        #expect(after.status.groups == before.status.groups)
        #expect(after.status.supplementaryGroups == before.status.supplementaryGroups)
        #expect(after.status.permittedCapabilities == before.status.permittedCapabilities)
        #expect(after.status.hasNoNewPrivileges == hasNoNewPrivileges)
        #expect(after.arguments == before.arguments)
        #expect(after.environment == before.environment)
    }

    // MARK: Not now

    @Test(.needsRoot, arguments: ["prefork", "wrapper"])
    func `Nothing is started while workers or a wrapped program live`(kind: String) async throws {
        let watched = try WatchedProcess(owner: Self.user)
        let process: TestProcess
        switch kind {
        case "prefork":
            process = try await TestProcess.start(pidFile: watched.pidFile, ["--workers", "2"], watched.options)
        default:
            // The shell stays, as it does for a command with anything after it.
            let script = "echo $$ >\(watched.pidFile); \"$0\" run --name \(watched.pidFile); true"
            process = try TestProcess.start("/bin/sh", ["-c", script, TestProcess.testTarget.string], watched.options)
            try await TestProcess.waitUntil(watched.pidFile, names: process.pid)
        }
        try await watched.observing { observations in
            _ = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            let left = try processes(of: watched)
            #expect(!left.isEmpty)
            let handles = try left.map { try ProcessHandle(pid: $0) }
            defer { for handle in handles { try? handle.send(SIGKILL) } }
            async let outcome = watched.perform(.recover)
            await watched.clock.sleep(lasting: .seconds(5))
            watched.clock.advance(by: .seconds(5))
            let told = left.map { "process \($0), which belonged to it, still runs: two copies are never run" }
            let reason = try #require(await outcome.hindrance, "a second copy runs")
            #expect(told.contains(reason))
            let living = try processes(of: watched)
            #expect(living == left)
        }
    }

    @Test(.needsRoot) func `One that ended tidily, and took its PID file with it, was stopped on purpose`() async throws
    {
        let watched = try WatchedProcess(owner: Self.user)
        let process = try await TestProcess.start(pidFile: watched.pidFile, ["--clean"], watched.options)
        try await watched.observing { observations in
            _ = try await observations.alive()
            process.kill(SIGTERM)
            let end = try await observations.first { observation -> End? in
                guard case .dead(let end) = observation.liveness, end.isDeliberate else { return nil }
                return end
            }
            #expect(end.isDeliberate)
        }
        #expect(try processes(of: watched).isEmpty)
    }

    /// Every process that knows of the target's PID file.
    private func processes(of watched: WatchedProcess) throws -> [Int32] {
        try ProcFS().table().filter { !$0.isZombie }.map(\.pid).filter { pid in
            pid != getpid()
                && (try? ProcFS().facts(of: pid).arguments)??.contains(ByteText(watched.pidFile.string)) == true
        }
    }
}
