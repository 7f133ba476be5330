import InMemoryLogging
import Logging
import NIOCore
import NIOPosix
import ServerLink
import ServiceLifecycleTestKit
import Supervision
import SystemSupport
import TestSupport
import WireProtocol

/// Runs `body` beside a service, asks the service to end in good order, does what is to be done meanwhile, and returns
/// when it has ended.
func beside<Result>(
    _ run: @escaping @Sendable () async throws -> Void, ending: () async throws -> Void = {},
    _ body: () async throws -> Result
) async throws -> Result {
    let (triggers, continuation) = AsyncStream.makeStream(of: GracefulShutdownTestTrigger.self)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            try await testGracefulShutdown { trigger in
                continuation.yield(trigger)
                try await run()
            }
        }
        // What `body` throws cancels the service.
        let result = try await body()
        await triggers.first { _ in true }?.triggerGracefulShutdown()
        try await ending()
        try await group.waitForAll()
        return result
    }
}

/// Runs `body` with the real way to an endpoint.
func withTransport<Result>(
    to endpoint: String, trusting trustRoots: TrustRoots? = nil, through proxy: ProxyServer? = nil,
    _ body: (HTTPServerTransport<BootClock>) async throws -> Result
) async throws -> Result {
    try await withTransport(to: endpoint, trusting: trustRoots, through: proxy, clock: BootClock(), body)
}

/// Runs `body` with the real way to an endpoint, whose requests that clock times.
func withTransport<Result, C: Clock>(
    to endpoint: String, trusting trustRoots: TrustRoots? = nil, through proxy: ProxyServer? = nil, clock: C,
    _ body: (HTTPServerTransport<C>) async throws -> Result
) async throws -> Result where C.Instant == BootInstant {
    let transport = HTTPServerTransport(
        configuration: .init(
            endpoint: endpoint, apiKey: Secret(value: testKey), runnerID: "runner-1",
            userAgent: "clevagent-runner/test",
            trustRoots: trustRoots, proxy: proxy),
        group: NIOSingletons.posixEventLoopGroup, clock: clock)
    return try await beside({ try await transport.run() }) { try await body(transport) }
}

let testKey = "cv_secret-of-a-test"

extension TestClock {
    /// Waits until somebody sleeps at most that long from now, passing over those who sleep longer, and says until when.
    func sleep(atMost duration: Duration) async -> BootInstant {
        while let deadline = await nextSleep() {
            let time = now.duration(to: deadline)
            // A service that ran before it was told how its targets are has begun to wait for that, perhaps twice.
            if time > .zero, time <= duration, time != HeartbeatService<TestClock>.patience { return deadline }
        }
        return now
    }

    /// What people's clocks show: it moves with this one.
    var civilTime: WireTime {
        WireTime(millisecondsSince1970: 1_795_000_000_000 + now.sinceBoot.wholeMilliseconds)
    }
}

extension InMemoryLogHandler {
    var logger: Logger { Logger(label: "test") { _ in self } }

    var told: [String] { entries.map { "\($0.message)" } }
}
