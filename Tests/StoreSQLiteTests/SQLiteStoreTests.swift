import FoundationEssentials
import GRDB
import ServerDomain
import ServerTestSupport
import StoreSQLite
import Testing
import WireProtocol

@Suite struct SQLiteStoreTests {
    private let directory: TemporaryDirectory
    private let path: String
    private static let now = WireTime(millisecondsSince1970: 1_800_000_000_000)

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.file("clevagent.sqlite")
    }

    @Test func `What was committed is there after opening again`() async throws {
        let store = try SQLiteStore(path: path)
        let (project, isNew) = try await store.firstProject(at: Self.now)
        #expect(isNew)
        var fleet = Fleet(project: project)
        var turn = Turn(now: Moment(steady: .zero, wall: Self.now), identifiers: IdentifierSource(unixSeconds: 5000))
        Self.fill(&fleet, &turn)
        try await store.commit(turn.changes)

        let again = try SQLiteStore(path: path)
        let stored = try await again.loadFleets()
        let snapshot = try #require(stored.fleets[project])
        let restored = Fleet(project: project, restoring: snapshot, now: turn.now)
        #expect(restored.agents == fleet.agents)
        #expect(restored.runners == fleet.runners)
        #expect(restored.instances.keys == fleet.instances.keys)
        for (id, instance) in fleet.instances {
            var expected = instance
            expected.due = restored.instances[id]?.due
            #expect(restored.instances[id] == expected)
        }
        var commands = fleet.commands
        for id in commands.keys { commands[id]?.deliveredAt = nil }
        #expect(restored.commands == commands)
        #expect(stored.lastAgent == turn.identifiers.nextAgent - 1)
        #expect(stored.lastEvent == turn.identifiers.nextEvent - 1)
        #expect(stored.lastCommand == turn.identifiers.nextCommand - 1)
        #expect(try await again.events(in: project, after: 0, agent: nil, limit: 10) == turn.changes.events)
        #expect(try await again.newestEvents(in: project, limit: 1) == turn.changes.events.suffix(1))
        let key = EventKey(project: project, eventID: "e-1")
        #expect(try await again.deliveries(of: [key]) == turn.changes.eventKeys)
    }

    /// An agent with two reporters, a silence, an event and a delivered command.
    private static func fill(_ fleet: inout Fleet, _ turn: inout Turn) {
        var report = HeartbeatReport(agent: "bot", status: .warning)
        report.message = "hello ä"
        report.tokensUsed = 7
        report.costUSD = 0.25
        report.memoryMB = 81.5
        report.interval = .milliseconds(1500)
        report.seq = 12
        report.restartType = "process"
        report.restartTarget = "/run/bot.pid"
        report.eventID = "e-1"
        report.event = HeartbeatEvent(kind: .restarted, signal: 9, pid: 77)
        report.extra = #"{"custom_data":{}}"#
        _ = fleet.receive(report, from: Sender(runner: RunnerID(rawValue: "r1")), &turn)
        _ = fleet.receive(HeartbeatReport(agent: "bot"), from: Sender(), &turn)
        if let agent = fleet.agent(named: "bot") {
            _ = fleet.queue(.restart, for: agent.id, runner: nil, &turn)
        }
        _ = fleet.takeCommands(for: RunnerID(rawValue: "r1"), &turn)
    }

    @Test func `Sums of a day add up over commits`() async throws {
        let store = try SQLiteStore(path: path)
        let (project, _) = try await store.firstProject(at: Self.now)
        var fleet = Fleet(project: project)
        var identifiers = IdentifierSource()
        for _ in 0..<3 {
            var turn = Turn(now: Moment(steady: .zero, wall: Self.now), identifiers: identifiers)
            var report = HeartbeatReport(agent: "bot")
            report.tokensUsed = 4
            _ = fleet.receive(report, from: Sender(), &turn)
            identifiers = turn.identifiers
            try await store.commit(turn.changes)
        }
        #expect(try await store.loadFleets().fleets[project]?.agents.first?.today.tokens == 12)
    }

    @Test func `Only the owner may read the files`() throws {
        let store = try SQLiteStore(path: path)
        defer { withExtendedLifetime(store) {} }
        for file in [path, path + "-wal", path + "-shm"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: file)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test func `A file of a newer version is refused`() throws {
        let store = try SQLiteStore(path: path)
        let queue = try DatabaseQueue(path: store.path)
        try queue.write { db in
            try db.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('9999 the future')")
        }
        #expect(throws: StoreError.newer(path: path)) { try SQLiteStore(path: path) }
    }

    @Test func `A file that is no database is refused and left alone`() throws {
        let content = Data(repeating: 0x41, count: 8192)
        try content.write(to: URL(filePath: path))
        #expect(throws: StoreError.notADatabase(path: path)) { try SQLiteStore(path: path) }
        #expect(try Data(contentsOf: URL(filePath: path)) == content)
    }

    @Test func `Another program's database is refused`() throws {
        let queue = try DatabaseQueue(path: path)
        try queue.write { db in try db.execute(sql: "CREATE TABLE photos (id INTEGER)") }
        #expect(throws: StoreError.notADatabase(path: path)) { try SQLiteStore(path: path) }
    }

    @Test(arguments: [false, true])
    func `Nothing is taken for a file that the next start will not find`(isReplaced: Bool) async throws {
        let store = try SQLiteStore(path: path)
        let (project, _) = try await store.firstProject(at: Self.now)
        var fleet = Fleet(project: project)
        var turn = Turn(now: Moment(steady: .zero, wall: Self.now), identifiers: IdentifierSource(unixSeconds: 5000))
        Self.fill(&fleet, &turn)
        let changes = turn.changes
        try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
        if isReplaced { try Data().write(to: URL(filePath: path)) }
        await #expect(throws: StoreError.moved(path: path)) { try await store.commit(changes) }
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
        try await store.commit(changes)
    }

    @Test func `A directory that is not there is told`() throws {
        #expect(throws: StoreError.self) { try SQLiteStore(path: directory.file("no/such/file")) }
    }

    @Test func `A second server on the same file is refused until the first is gone`() throws {
        func hold() throws {
            let first = try StoreLock(databasePath: path)
            #expect(throws: StoreError.inUse(path: path)) { _ = try StoreLock(databasePath: path) }
            withExtendedLifetime(first) {}
        }
        try hold()
        #expect(throws: Never.self) { _ = try StoreLock(databasePath: path) }
    }

    @Test func `A revoked key is refused at once, also by another process's connection`() async throws {
        let store = try SQLiteStore(path: path)
        let beside = try SQLiteStore(path: path)
        let (project, _) = try await store.firstProject(at: Self.now)
        let secret = Secret.apiKey()
        let key = try await beside.addKey(
            named: "deploy", digest: secret.digest, scopes: [.read, .commands], to: project, at: Self.now)
        #expect(try store.key(matching: secret.digest) == key)
        #expect(key.allows(.read))
        #expect(!key.allows(.ingest))
        #expect(try await beside.revokeKeys(named: "deploy", at: Self.now) == 1)
        #expect(try store.key(matching: secret.digest)?.allows(.read) == false)
        #expect(try await beside.revokeKeys(named: "deploy", at: Self.now) == 0)
        #expect(try store.key(matching: Secret.apiKey().digest) == nil)
    }

    @Test func `A sign-in link works once and not after its time`() async throws {
        let store = try SQLiteStore(path: path)
        let (project, _) = try await store.firstProject(at: Self.now)
        let token = Secret.token().digest
        let session = Secret.token().digest
        try await store.addSignIn(token, project: project, expiry: Self.now.advanced(by: .seconds(900)))
        let late = Self.now.advanced(by: .seconds(900))
        #expect(try await store.isSignInValid(token, at: Self.now))
        #expect(try await !store.isSignInValid(token, at: late))
        #expect(try await store.signIn(token, session: session, at: Self.now, expiry: late))
        #expect(try await !store.signIn(token, session: session, at: Self.now, expiry: late))
        #expect(try await store.session(matching: session, at: Self.now) == project)
        #expect(try await store.session(matching: session, at: late) == nil)
        try await store.signOut(session)
        #expect(try await store.session(matching: session, at: Self.now) == nil)
    }
}
