import SystemPackage
import TestSupport
import Testing

/// The built runner and the built server with something wrong between them: what runs is kept running meanwhile, and
/// once it is over the server has heard of everything, once and in order.
@Suite(.timeLimit(.minutes(10))) struct FaultTests {
    /// How many worlds there are at once.
    private static let width = 7

    @Test func whateverIsWrongWithTheServerNothingWaitsForItAndNothingIsLost() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, fault) in ServerFault.simple.enumerated() {
                if index >= Self.width { try await group.next() }
                group.addTask { try await self.outlives(fault) }
            }
            try await group.waitForAll()
        }
    }

    @Test func aCertificateThatIsNoneOfTheServersStopsNothingElse() async throws {
        let authority = try await TestAuthority()
        let good = try await authority.identity(for: "DNS:localhost")
        let cases: [(name: String, identity: TestAuthority.Identity, words: String)] = [
            (
                "another name", try await authority.identity(for: "DNS:elsewhere.test"),
                "is for another name than localhost"
            ),
            ("expired", try await authority.identity(for: "DNS:localhost", valid: .past), "expired"),
        ]
        for wrong in cases {
            let fault = ServerFault(
                name: wrong.name,
                begin: { world in
                    try world.proxy.become(wrong.identity)
                    await world.proxy.cutConnections()
                },
                end: { world in
                    try world.proxy.become(good)
                    await world.proxy.cutConnections()
                }, words: wrong.words, isReached: false)
            var options = FaultWorld.Options()
            options.identity = good
            options.arguments = { _ in ["--ca-file", authority.certificate.string] }
            try await outlives(fault, options)
        }
    }

    @Test func aRedirectIsNotFollowedAndTheKeyGoesNowhereElse() async throws {
        try await withStubServer { other in
            try await outlives(
                .answer("redirect", .redirect(to: other.endpoint + "/api/v1/heartbeat/batch"), "HTTP 307: a redirect"))
            #expect(other.requests.isEmpty)
        }
    }

    /// Each of the runner's two conversations keeps to what it was told.
    @Test func noRequestComesBeforeTheServerSaidItMay() async throws {
        let patience = Duration.seconds(5)
        try await outlives(
            .answer("too many requests", .refusal(429, "Rate limit exceeded", retryAfter: 5), "HTTP 429")
        ) { proxy in
            for matcher in [StubServer.Matcher.batch, .commands] {
                let asked = proxy.requests.filter(matcher.matches).map(\.arrival)
                // The last one may be the first after the fault, and it keeps to it, too.
                #expect(zip(asked, asked.dropFirst()).allSatisfy { $1 - $0 >= patience })
                #expect(asked.count >= 2)
            }
        }
    }

    @Test func aSlowServerIsWaitedForAndNothingIsToldTwice() async throws {
        try await FaultWorld.run { world in
            world.proxy.script(.any, always: .late(by: .seconds(2)))
            #expect(try await world.killEach() < FaultWorld.patience)
            world.judge(try await world.history(deaths: 3), "slow")
            #expect(world.log.complaints == [])
        }
    }

    // MARK: - What must hold

    /// - Parameter check: looks at the requests that came since the fault began, when a few were refused.
    private func outlives(
        _ fault: ServerFault, _ options: FaultWorld.Options = .init(), _ check: (Requests) -> Void = { _ in }
    ) async throws {
        let place = Comment(rawValue: fault.name)
        try await FaultWorld.run(options) { world in
            try await fault.begin(world)
            let first = world.proxy.requests.count
            #expect(try await world.killEach() < FaultWorld.patience, place)
            #expect(await world.log.says(fault.words), place)
            // Enough for a second try, which says the same.
            if fault.isReached {
                _ = try await world.proxy.request(.anyHeartbeat, after: first, within: .seconds(70))
            }
            try await fault.end(world)
            world.judge(try await world.history(deaths: 3, within: .seconds(100)), place)
            check(Requests(requests: Array(world.proxy.requests.dropFirst(first))))
            world.judgeComplaints(place)
            // What the server has, the runner hears of a moment later.
            #expect(await world.log.says("The server takes heartbeats again"), place)
            #expect(world.log.lines.count { $0.contains("The server takes heartbeats again") } == 1, place)
        }
    }

    struct Requests {
        var requests: [StubServer.Request]
    }
}
