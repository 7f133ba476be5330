import FoundationEssentials
import NIOHTTP1
import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

/// Kills targets twenty times a second, takes the server away again and again, and has commands carried out meanwhile.
actor Soak {
    static let flapping = (1...40).map { "flap-\($0)" }
    /// Restarted by command alone.
    static let commanded = "calm"
    private static let rhythm = Duration.milliseconds(50)
    /// A minute: first nothing is wrong, then one of these is.
    private static let cycle = 60
    private static let outage = 45..<57
    private static let outages: [StubServer.Answer?] = [
        nil, .hang, .cut(after: 20), .refusal(503), .late(by: .seconds(2)),
        .raw(Array("no http\r\n\r\n".utf8)).afterEffect,
        .refusal(429, retryAfter: 5), .halfClose,
    ]

    private let world: FaultWorld
    private let duration: Duration
    /// Whom it killed, in order.
    private(set) var killed: [String: [Int32]] = [:]
    private(set) var commands: [Int64] = []
    private(set) var samples: [SoakSample] = []
    private(set) var outageCount = 0

    init(_ world: FaultWorld, for duration: Duration) {
        self.world = world
        self.duration = duration
    }

    /// Returns when the time is over and the server can be reached.
    func run() async throws {
        let began = ContinuousClock.now
        var moment = began
        var tick = 0
        let perSecond = Int(Duration.seconds(1) / Self.rhythm)
        let sampleEvery = max(perSecond / 2, Int(duration / Self.rhythm) / 240)
        // A clock and no events: the rhythm is the load, and nothing depends on its being exact.
        while moment < began.advanced(by: duration) {
            kill(Self.flapping[tick % Self.flapping.count])
            if tick % sampleEvery == 0 { samples.append(SoakSample(world)) }
            if tick % perSecond == 0 { try await second(tick / perSecond) }
            tick += 1
            moment = began.advanced(by: Self.rhythm * tick)
            try await ContinuousClock().sleep(until: moment, tolerance: .zero)
        }
        if isAway { try await endOutage() }
    }

    private func kill(_ name: String) {
        guard let pid = world.agents.processID(of: name), pid != killed[name]?.last,
            Glibc.kill(pid, SIGKILL) == 0
        else { return }
        killed[name, default: []].append(pid)
    }

    private func second(_ number: Int) async throws {
        switch number % Self.cycle {
        case Self.outage.lowerBound: try await beginOutage()
        case Self.outage.upperBound: if isAway { try await endOutage() }
        case let second where second % 10 == 0 && !isAway: try await command()
        default: break
        }
    }

    // MARK: - Outages

    private var isAway = false

    private func beginOutage() async throws {
        isAway = true
        if let answer = Self.outages[outageCount % Self.outages.count] {
            world.proxy.script(.any, always: answer)
            await world.proxy.cutConnections()
        } else {
            try await world.proxy.goAway()
        }
        outageCount += 1
    }

    private func endOutage() async throws {
        isAway = false
        world.proxy.clearScript()
        if world.proxy.isAway { try await world.proxy.comeBack() } else { await world.proxy.cutConnections() }
    }

    // MARK: - Commands

    private func command() async throws {
        guard let id = try await world.server.agentID(Self.commanded) else { return }
        let (status, body) = try await world.server.send(.POST, "/agents/\(id)/commands", #"{"action": "restart"}"#)
        // One that waits already is not queued twice, and a runner that was silent just now is given none.
        guard status == 202 else { return }
        commands.append(try JSONDecoder().decode(BuiltServer.Queued.self, from: body).command.id)
    }
}
