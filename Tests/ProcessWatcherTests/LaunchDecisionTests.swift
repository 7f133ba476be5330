import ProcessWatcher
import Supervision
import SystemSupport
import Testing

@Suite struct LaunchDecisionTests {
    @Test func `Nothing stands against a process like the runner`() {
        #expect(LaunchObstacle.find(in: .sample(), runner: .sample) == nil)
    }

    @Test(
        arguments: [
            (.sample { $0.status.users = [7, 7, 7, 7] }, LaunchObstacle.otherUser(7)),
            (.sample { $0.status.users = [1000, 0, 0, 0] }, .mixedIDs),
            (.sample { $0.status.users = [1000, 1000, 1000, 7] }, .mixedIDs),
            (.sample { $0.status.groups = [1000, 1000, 7, 1000] }, .mixedIDs),
            (.sample { $0.status.groups = [7, 7, 7, 7] }, .otherGroups),
            (.sample { $0.status.supplementaryGroups = [4, 27] }, .otherGroups),
            (.sample { $0.surroundings.namespaces["pid"] = "pid:[9]" }, .otherNamespace("pid")),
            (.sample { $0.surroundings.namespaces["mnt"] = "mnt:[9]" }, .otherNamespace("mnt")),
            (.sample { $0.root = "/srv/jail" }, .otherRoot("/srv/jail")),
            (.sample { $0.surroundings.cgroups.paths = ["/system.slice/web.service"] }, .service("web.service")),
            (.sample { $0.surroundings.cgroups.paths = ["/docker/docker-1.scope"] }, .container),
        ] as [(ProcessFacts, LaunchObstacle)])
    func `What is not like the runner is not started again`(facts: ProcessFacts, obstacle: LaunchObstacle) {
        #expect(LaunchObstacle.find(in: facts, runner: .sample) == obstacle)
    }

    /// Who runs the runner, whose process it is, and whether it may be started again.
    @Test(
        arguments: [
            (0, 0, nil), (0, 1000, nil), (0, 65534, nil), (1000, 1000, nil), (1000, 1001, .otherUser(1001)),
            (1000, 0, .otherUser(0)),
        ] as [(UInt32, UInt32, LaunchObstacle?)])
    func `Root may start everybody's, others their own`(runner: UInt32, owner: UInt32, obstacle: LaunchObstacle?) {
        var facts = RunnerFacts.sample
        facts.status.users = Array(repeating: runner, count: 4)
        facts.status.groups = facts.status.users
        let process = ProcessFacts.sample {
            $0.status.users = Array(repeating: owner, count: 4)
            $0.status.groups = $0.status.users
        }
        #expect(LaunchObstacle.find(in: process, runner: facts) == obstacle)
    }

    @Test(
        arguments: [
            ("/system.slice/clevagent-launch-bot-1.service", nil),
            ("/system.slice/web.service", .service("web.service")),
            ("/user.slice/user@5.service/app.slice/clevagent-launch-x.service", .service("clevagent-launch-x.service")),
            (
                "/system.slice/clevagent-launch-x.slice/web.service",
                .service("web.service")
            ),
        ] as [(String, LaunchObstacle?)])
    func `A unit that was made for a relaunch is no foreign service`(cgroup: String, obstacle: LaunchObstacle?) {
        var runner = RunnerFacts.sample
        runner.launchCgroups = ["/system.slice/clevagent-launch-"]
        let facts = ProcessFacts.sample { $0.surroundings.cgroups.paths = [cgroup] }
        #expect(LaunchObstacle.find(in: facts, runner: runner) == obstacle)
    }

    @Test func `The runner's own service and container are no obstacle`() {
        var runner = RunnerFacts.sample
        runner.surroundings.cgroups.paths = ["/docker-1.scope/system.slice/runner.service"]
        let facts = ProcessFacts.sample { $0.surroundings.cgroups.paths = runner.surroundings.cgroups.paths }
        #expect(LaunchObstacle.find(in: facts, runner: runner) == nil)
    }

    @Test(
        arguments: [
            ["nginx: master process /usr/sbin/nginx"], ["bot: idle", "", ""], [], [""],
        ] as [[ByteText]])
    func `A title is not taken for arguments`(arguments: [ByteText]) {
        #expect(throws: LaunchObstacle.titleInsteadOfArguments) {
            try LaunchRecipe(from: .sample { $0.arguments = arguments })
        }
    }

    @Test(
        arguments: [["/usr/bin/bot"], ["bot", "--name", "a b"], ["bot", ""], ["/opt/my bots/bot", "-x"]] as [[ByteText]]
    )
    func `Arguments are kept as they were`(arguments: [ByteText]) throws {
        #expect(try LaunchRecipe(from: .sample { $0.arguments = arguments }).arguments.texts == arguments)
    }

    @Test func `An executable that was replaced is started from its place`() throws {
        let recipe = try LaunchRecipe(from: .sample { $0.executable = "/usr/bin/bot (deleted)" })
        #expect(recipe.executable == "/usr/bin/bot")
    }

    @Test func `What could not be read is no recipe`() {
        #expect(throws: LaunchObstacle.unreadable) { try LaunchRecipe(from: .sample { $0.environment = nil }) }
    }

    @Test func `A start command never sees what was meant for others`() {
        let remembered: [ByteText] = [
            "PATH=/bin", "CLEVAGENT_API_KEY=cv_x", "NOTIFY_SOCKET=/run/x", "LISTEN_FDS=1", "INVOCATION_ID=1",
            "JOURNAL_STREAM=1:2", "WATCHDOG_USEC=1", "WATCHDOG_PID=1", "CREDENTIALS_DIRECTORY=/run/c", "MY_VAR=1",
        ]
        let environment = LaunchEnvironment.forStart(remembered: remembered, account: nil, language: nil)
        #expect(environment == ["PATH=/bin", "MY_VAR=1"])
        let plain = LaunchEnvironment.forStart(
            remembered: nil, account: Account(name: "bot", home: "/home/bot", user: 1, group: 1),
            language: "LANG=de_DE.UTF-8")
        #expect(plain.dropFirst() == ["HOME=/home/bot", "USER=bot", "LANG=de_DE.UTF-8"])
        #expect(LaunchEnvironment.value(of: "PATH", in: plain) != nil)
    }

    @Test func `Children and session members that live are remnants`() throws {
        let boot = BootID("boot")
        let former = ProcessIdentity(bootID: boot, pid: 100, startTicks: 1)
        let child = ProcessIdentity(bootID: boot, pid: 101, startTicks: 2)
        let table = [
            try stat(101, session: 101, ticks: 2), try stat(102, session: 100, ticks: 3),
            try stat(103, session: 103, ticks: 4), try stat(104, session: 100, ticks: 5, state: "Z"),
        ]
        func find(_ table: [ProcessStat]) -> [Int32] {
            Remnants.find(in: table, of: former, children: [child], bootID: boot).map(\.pid)
        }
        #expect(find(table) == [101, 102])
        // The child's PID and the session's number are somebody else's by now.
        #expect(find([try stat(101, session: 1, ticks: 9), try stat(100, session: 100, ticks: 9)]) == [])
        #expect(Remnants.find(in: table, of: former, children: [child], bootID: BootID("next")).isEmpty)
    }

    @Test func `A twin began after the end and is nobody's already`() throws {
        let boot = BootID("boot")
        let claimed = ProcessIdentity(bootID: boot, pid: 103, startTicks: 12_000)
        let table = [
            try stat(101, session: 1, ticks: 9_000), try stat(102, session: 1, ticks: 10_000),
            try stat(103, session: 1, ticks: 12_000), try stat(104, session: 1, ticks: 13_000),
        ]
        let since = BootInstant(ticks: 10_050)
        let found = Twin.candidates(in: table, since: since, excluding: [claimed], bootID: boot)
        #expect(found.map(\.pid) == [104, 102])
        // A shell that a script has forked is in the script's session, a daemon in one of its own.
        func original(session: Int32) throws -> Int32? {
            let fork = try stat(105, parent: 104, session: session, ticks: 13_001)
            return Twin.original(among: [fork, try stat(104, session: 1, ticks: 13_000)])?.pid
        }
        #expect(try original(session: 1) == 104)
        #expect(try original(session: 105) == 105)
        let recipe = try LaunchRecipe(from: .sample())
        #expect(Twin.matches(.sample(), recipe))
        #expect(!Twin.matches(.sample { $0.directory = "/srv" }, recipe))
        #expect(!Twin.matches(.sample { $0.arguments = ["bot", "-v"] }, recipe))
        #expect(!Twin.matches(.sample { $0.status.users = [1000, 0, 0, 0] }, recipe))
    }

    @Test func `A note survives what JSON can't say, and a foreign note is told`() throws {
        var note = ProcessNote()
        note.life = ProcessIdentity(bootID: BootID("boot"), pid: 5, startTicks: 6)
        let recipe = try LaunchRecipe(from: .sample { $0.arguments = ["bot", ByteText([0xff, 0x41])] })
        #expect(try LaunchRecipe(decoding: recipe.encoded()) == recipe)
        note.recipe = RecipeMark(recipe)
        note.seen = BootInstant(sinceBoot: .milliseconds(5))
        #expect(try ProcessNote(decoding: note.encoded()) == note)
        note.version = 1
        #expect(throws: ProcessNoteError(version: 1)) { try ProcessNote(decoding: note.encoded()) }
        #expect(throws: (any Error).self) { try ProcessNote(decoding: Array("[]".utf8)) }
    }

    private func stat(
        _ pid: Int32, parent: Int32 = 1, session: Int32, ticks: UInt64, state: String = "S"
    ) throws -> ProcessStat {
        let line = "\(pid) (x) \(state) \(parent) 1 \(session) 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 \(ticks) 0 1\n"
        return try #require(ProcessStat(parsing: Array(line.utf8)))
    }
}

extension ProcessFacts {
    fileprivate static func sample(_ change: (inout ProcessFacts) -> Void = { _ in }) -> ProcessFacts {
        let line = "100 (bot) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 1\n"
        let status = "Tgid:\t100\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nGroups:\t4 24\n"
        guard let stat = ProcessStat(parsing: Array(line.utf8)),
            let status = ProcessStatus(parsing: Array(status.utf8))
        else { preconditionFailure("the sample is not in the kernel's form") }
        var facts = ProcessFacts(
            stat: stat, status: status, executable: "/usr/bin/bot", arguments: ["bot"], environment: ["A=b"],
            directory: "/", root: "/", limits: [],
            surroundings: ProcessSurroundings(
                cgroups: CgroupMembership(paths: ["/user.slice/session-1.scope"]),
                namespaces: ["pid": "pid:[1]", "mnt": "mnt:[1]"]))
        change(&facts)
        return facts
    }
}

extension RunnerFacts {
    fileprivate static var sample: RunnerFacts {
        let facts = ProcessFacts.sample()
        return RunnerFacts(
            status: facts.status, surroundings: facts.surroundings, root: facts.root, givenCapabilities: 0)
    }
}
