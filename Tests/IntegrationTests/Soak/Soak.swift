import NIOHTTP1
import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

/// Kills targets twenty times a second, takes the server away again and again, and has commands carried out meanwhile.
actor Soak {
    static let flapping = (1...40).map { "flap-\($0)" }
    /// Restarted by command alone.
    static let calm = "calm"
    /// Stopped by command, and later started by another one.
    static let switched = "switched"

    /// What a command was to do to which target.
    struct Order: Sendable {
        var target: String
        var action: String
    }

    private static let rhythm = Duration.milliseconds(50)
    /// A minute: first nothing is wrong, then one of these is.
    private static let cycle = 60
    private static let outageSeconds = 45..<57
    private static let outages: [Outage] = [
        .gone, .killed, .answers(.hang), .answers(.cut(after: 20)), .answers(.refusal(503)),
        .answers(.late(by: .seconds(2))), .answers(.raw(Array("no http\r\n\r\n".utf8)).afterEffect),
        .answers(.refusal(429, retryAfter: 5)), .answers(.halfClose),
    ]

    private enum Outage {
        /// Nothing listens.
        case gone
        /// SIGKILL of the real server behind the stub.
        case killed
        /// The stub answers by itself.
        case answers(StubServer.Answer)
    }

    private let world: FaultWorld
    private let duration: Duration
    /// Whom it killed, in order.
    private(set) var killed: [String: [Int32]] = [:]
    private(set) var orders: [Order] = []
    /// How often the target that a command had stopped ran when it was to be started again.
    private(set) var ranWhileHeld = 0
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
        try await endOutage()
    }

    private func kill(_ name: String) {
        guard let pid = world.agents.processID(of: name), pid != killed[name]?.last,
            Glibc.kill(pid, SIGKILL) == 0
        else { return }
        killed[name, default: []].append(pid)
    }

    private func second(_ number: Int) async throws {
        switch number % Self.cycle {
        case Self.outageSeconds.lowerBound: try await beginOutage()
        case Self.outageSeconds.upperBound: try await endOutage()
        case let second where second % 10 == 0 && !isAway: try await command()
        default: break
        }
    }

    // MARK: - Outages

    private var outage: Outage?
    private var isAway: Bool { outage != nil }

    private func beginOutage() async throws {
        let outage = Self.outages[outageCount % Self.outages.count]
        self.outage = outage
        outageCount += 1
        switch outage {
        case .gone: try await world.proxy.goAway()
        case .killed: await world.server.kill()
        case .answers(let answer):
            world.proxy.script(.any, always: answer)
            await world.proxy.cutConnections()
        }
    }

    private func endOutage() async throws {
        guard let outage else { return }
        switch outage {
        case .gone: try await world.proxy.comeBack()
        case .killed: try await world.restartServer()
        case .answers:
            world.proxy.clearScript()
            await world.proxy.cutConnections()
        }
        self.outage = nil
    }

    // MARK: - Commands

    private func command() async throws {
        try await queue(Order(target: Self.calm, action: "restart"))
        let isToBeHeld = orders.last { $0.target == Self.switched }?.action == "stop"
        // One that was given just before an outage may not have been carried out yet: asked for first, so that what is
        // told as stopped and runs has run since.
        let status = try await world.server.status(of: Self.switched)
        // An older PID may be somebody else's by now.
        let isRunning = world.agents.lives(of: Self.switched).last.map(AgentDirectory.isRunning) ?? false
        if isToBeHeld, status == "shutdown", isRunning { ranWhileHeld += 1 }
        try await queue(Order(target: Self.switched, action: isToBeHeld ? "restart" : "stop"))
    }

    private func queue(_ order: Order) async throws {
        guard let id = try await world.server.agentID(order.target) else { return }
        let (status, _) = try await world.server.send(
            .POST, "/agents/\(id)/commands", #"{"action": "\#(order.action)"}"#)
        // One that waits already is not queued twice, and a runner that was silent just now is given none.
        if status == 202 { orders.append(order) }
    }
}
