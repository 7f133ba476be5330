import SystemSupport
import TestSupport
import Testing
import WireProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// Twenty targets that are killed again and again, in every way they can be started again, watched from outside.
@Suite(.serialized, .needsSystemd, .needsProcessEvents) struct StormTests {
    /// `scripts/storm` sets these; else a short one, with a new seed each time, which is told.
    private static let deaths = getenv("CLEVAGENT_STORM_DEATHS").flatMap { Int(String(cString: $0)) } ?? 100
    private static let seed =
        getenv("CLEVAGENT_STORM_SEED").flatMap { UInt64(String(cString: $0)) } ?? .random(in: 0 ... .max)
    private static let runner = getenv("CLEVAGENT_STORM_RUNNER").map { String(cString: $0) } ?? BuiltProgram.runner.path

    /// Never two live copies, never none for longer than the policy says, and all of it told in order, although both
    /// runners are started anew in the middle: one is killed, twice, the other restarted by its service manager.
    @Test(.timeLimit(.minutes(5))) func deathsInEveryWayAreEachMadeUpForOnce() async throws {
        let mark = "storm" + String(UInt32.random(in: 0 ... .max), radix: 16)
        try await withPrivateSystemd(showing: [Self.runner]) { systemd in
            try await withStubServer { stub in
                let field = try StormField(mark: mark, runner: Self.runner, systemd, stub)
                let storm = Storm(field.targets, deaths: Self.deaths, seed: Self.seed) { target, pids in
                    stub.heartbeats.contains { $0.heartbeat.tells(target, isUpAs: pids) }
                }
                let recorder = try ProcessRecorder(mark: mark)
                let following = Task { await storm.follow(recorder) }
                let failure = await failure { try await rage(storm, field, stub) }
                if failure != nil { await report(storm, field, stub, []) }
                await field.end(storm)
                await recorder.end()
                await following.value
                if let failure { throw failure }
            }
        }
    }

    /// What `body` throws; what was started is ended either way.
    private func failure(_ body: () async throws -> Void) async -> (any Error)? {
        do {
            try await body()
            return nil
        } catch {
            return error
        }
    }

    private func rage(_ storm: Storm, _ field: StormField, _ stub: StubServer) async throws {
        for try await milestone in storm.milestones {
            switch milestone {
            case .recording:
                try await field.startTargets()
                try await field.startRunners()
                for target in field.targets {
                    _ = try await stub.heartbeat { $0.agent == target.name && $0.status == .ok }
                }
                await storm.begin()
            case .passed(25), .passed(75): try await field.killOutside()
            case .passed(50): try await field.restartInside()
            case .passed: break
            case .calm: return try await judge(storm, field, stub)
            }
        }
        throw CancellationError()
    }

    private func judge(_ storm: Storm, _ field: StormField, _ stub: StubServer) async throws {
        for target in field.targets {
            let lives = await storm.record.lives[target.name] ?? []
            guard lives.count > 1, let pids = lives.last?.inner else { continue }
            _ = try await stub.heartbeat { $0.status == .ok && $0.tells(target.name, isUpAs: pids) }
        }
        let leftovers = try await field.leftovers(besides: storm.record)
        let verdicts = await report(storm, field, stub, leftovers)
        for verdict in verdicts { #expect(verdict.faults.isEmpty, "\(verdict.target.name)") }
        #expect(leftovers.isEmpty)
    }

    @discardableResult
    private func report(
        _ storm: Storm, _ field: StormField, _ stub: StubServer, _ leftovers: [String]
    ) async -> [StormVerdict] {
        let record = await storm.record
        let claims = field.claims()
        let heartbeats = stub.heartbeats.map(\.heartbeat)
        let verdicts = field.targets.map { StormVerdict($0, record, claim: claims[$0.name] ?? "", heartbeats) }
        print(StormReport(verdicts, leftovers, seed: Self.seed, await storm.duration, record).text)
        for verdict in verdicts where !verdict.faults.isEmpty {
            print("What was last told of \(verdict.target.name):")
            for heartbeat in heartbeats.filter({ $0.agent == verdict.target.name }).suffix(8) {
                print("  \(heartbeat.event?.kind.rawValue ?? "-"): \(heartbeat.message ?? "")")
            }
        }
        return verdicts
    }
}

extension Heartbeat {
    /// Whether it is about one of these processes' having come up.
    fileprivate func tells(_ target: String, isUpAs pids: [Int32]) -> Bool {
        guard agent == target, let event, let pid = event.pid, pids.contains(Int32(clamping: pid)) else { return false }
        return [.started, .restarted, .recovered].contains(event.kind)
    }
}
