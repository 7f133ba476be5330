import FoundationEssentials
import NIOHTTP1
import ServerTestSupport
import TestSupport
import Testing

/// A server that ends at a point under load, and others that go on from what it left.
struct ServerKillWorld: Sendable {
    /// A state directory that a server worked in for a while, and a key for it.
    struct Template: Sendable {
        var files: [String: Data] = [:]
        var key = ""

        /// Its write-ahead log is almost full, so that the load falls into a checkpoint, too.
        static func make() async throws -> Template {
            let directory = try TemporaryDirectory()
            var template = Template()
            try await BuiltServer.run(in: directory.file("state"), ["--rate-limit", "0"]) { server in
                template.key = server.key
                var count = 0
                while try log(in: server.directory) < 3_700_000 {
                    let body = #"{"agent": "earlier \#(count % 40)", "message": "\#(count)"}"#
                    guard try await server.send(.POST, "/heartbeat", body).status == 200, count < 10_000 else {
                        throw BuiltServerError(words: "no log as long as it is to be")
                    }
                    count += 1
                }
            }
            for name in try FileManager.default.contentsOfDirectory(atPath: directory.file("state")) {
                template.files[name] = try Data(contentsOf: URL(filePath: directory.file("state") + "/" + name))
            }
            return template
        }

        private static func log(in directory: String) throws -> Int {
            let file = try FileManager.default.attributesOfItem(atPath: directory + "/clevagent.sqlite-wal")
            return file[.size] as? Int ?? 0
        }

        func put(in directory: String) throws {
            try? FileManager.default.removeItem(atPath: directory)
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            for (name, data) in files { try data.write(to: URL(filePath: directory + "/" + name)) }
        }
    }

    struct End: Sendable {
        var trace: CrashTrace
        var account: ServerLoad.Account
    }

    let template: Template
    /// Nil for a server that is left in peace until the load is over.
    let point: CrashPoint?
    /// What a disk keeps that forgets something; beside one that keeps all.
    let loss: CrashedDisk.Loss
    /// Whether the disk also forgets what was waited for: then what must hold can't, and that must be noticed.
    var lies = false

    func run() async throws -> End {
        let directory = try TemporaryDirectory()
        let state = directory.file("state")
        try template.put(in: state)
        let program = try CrashingProgram(state: state, notes: directory.file("notes"))
        let server = try await start(state, program.environment(endingAt: point))
        let load = ServerLoad(on: server)
        try program.arm()
        _ = try await server.process.kill { await load.run() }
        let end = End(trace: try program.trace(), account: load.account)
        let place = point?.description ?? "in peace"

        let files = template.files.map { (state + "/" + $0, Array($1)) }
        let disk = CrashedDisk(
            lies ? end.trace.withoutWaits : end.trace, root: state, initial: Dictionary(uniqueKeysWithValues: files))
        try await judge(state, end.account, "killed \(place)")
        try disk.put(without: loss)
        try await judge(state, end.account, "power cut \(place), without \(loss)")
        return end
    }

    private func start(_ state: String, _ environment: [String: String] = [:]) async throws -> BuiltServer {
        try await BuiltServer.start(in: state, ["--rate-limit", "0"], environment: environment, key: template.key)
    }

    // MARK: - What must hold

    /// What was answered with yes is there, once; what was not answered is there once when it was sent again; and no
    /// command that was carried out is offered again.
    private func judge(_ state: String, _ account: ServerLoad.Account, _ place: Comment) async throws {
        let server = try await start(state)
        do {
            try await judge(server, account, place)
        } catch {
            await server.kill()
            throw BuiltServerError(words: "\(place): \(error)")
        }
        await server.kill()
    }

    private func judge(_ server: BuiltServer, _ account: ServerLoad.Account, _ place: Comment) async throws {
        let found = try await server.history().compactMap(\.message)
        #expect(Self.wrong(in: found, account.accepted.flatMap(\.messages), in: 1...1) == [], place)
        #expect(Self.wrong(in: found, account.unanswered.flatMap(\.messages), in: 0...1) == [], place)
        for report in account.accepted + account.unanswered {
            #expect(try await server.send(.POST, report.path, report.body, runner: report.runner).status == 200, place)
        }
        let all = try await server.history()
        for runner in Set((account.accepted + account.unanswered).map(\.runner)) {
            let told = (account.accepted + account.unanswered).filter { $0.runner == runner }.flatMap(\.messages)
            #expect(all.filter { $0.agent == "bot of \(runner)" }.compactMap(\.message) == told, place)
        }
        try await judge(server, account.errands, place)
    }

    private func judge(_ server: BuiltServer, _ errands: [ServerLoad.Errand], _ place: Comment) async throws {
        for runner in Set(errands.map(\.runner)) {
            let offered = try await server.offered(to: runner)
            // An older client acts again on what is offered again.
            let over = errands.filter { $0.runner == runner && ($0.isReported || (runner == nil && $0.wasOffered)) }
            #expect(over.filter { offered.contains($0.id) }.map(\.id) == [], place)
        }
        for errand in errands { #expect(try await server.report(errand.id, as: errand.runner) == 200, place) }
        let events = try await server.history()
        for errand in errands {
            let told = events.filter { $0.data?.commandID == errand.id }.map(\.kind)
            #expect(told.count { $0 == "command_queued" } == 1, place)
            #expect(told.count { $0 == "command_completed" } == 1, place)
        }
    }

    /// Those of the messages that are not there so often.
    private static func wrong(in found: [String], _ messages: [String], in times: ClosedRange<Int>) -> [String] {
        let counts = Dictionary(grouping: found) { $0 }.mapValues(\.count)
        return messages.filter { !times.contains(counts[$0, default: 0]) }
    }
}
