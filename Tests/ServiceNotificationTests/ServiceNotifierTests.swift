import InMemoryLogging
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycleTestKit
import ServiceNotification
import TestSupport
import Testing

/// When the service manager hears what.
@Suite(.timeLimit(.minutes(1))) struct ServiceNotifierTests {
    private let manager: StandInManager
    private let notification: ServiceNotification
    private let clock = TestClock()
    private let logger = Logger(label: "test") { _ in InMemoryLogHandler() }

    init() throws {
        manager = try StandInManager()
        notification = try #require(ServiceNotification(environment: manager.environment, processID: 7))
    }

    /// Moves the clock to the next feeding.
    private func passHalfTheWatchdogsTime() async {
        await clock.sleep(lasting: .seconds(30))
        #expect(!manager.hasMore)
        clock.advance(by: .seconds(30))
    }

    @Test func readyThenTheWatchdogAtHalfItsTimeThenStopping() async throws {
        let notifier = ServiceNotifier(notification, clock: clock, logger: logger) {
            "Watching 3 targets"
        } hanging: {
            nil
        }
        try await testGracefulShutdown { trigger in
            async let end: Void = notifier.run()
            #expect(await manager.receive() == "READY=1\nSTATUS=Watching 3 targets")
            for _ in 1...3 {
                await passHalfTheWatchdogsTime()
                #expect(await manager.receive() == "WATCHDOG=1")
            }
            trigger.triggerGracefulShutdown()
            try await end
            #expect(await manager.receive() == "STOPPING=1")
        }
    }

    @Test func aPartThatHangsStarvesTheWatchdogUntilItGoesOn() async throws {
        let parts = NIOLockedValueBox(["commands", nil, nil])
        let notifier = ServiceNotifier(notification, clock: clock, logger: logger) {
            ""
        } hanging: {
            parts.withLockedValue { $0.removeFirst() }
        }
        try await testGracefulShutdown { trigger in
            async let end: Void = notifier.run()
            #expect(await manager.receive() == "READY=1\nSTATUS=")
            for _ in 1...2 { await passHalfTheWatchdogsTime() }
            #expect(await manager.receive() == "WATCHDOG=1")
            trigger.triggerGracefulShutdown()
            try await end
        }
    }

    @Test func whatEndsBeforeItWasReadyIsStoppingOnly() async throws {
        let notifier = ServiceNotifier(notification, clock: clock, logger: logger) { [clock] in
            try? await clock.sleep(for: .seconds(10))
            return ""
        } hanging: {
            nil
        }
        try await testGracefulShutdown { trigger in
            async let end: Void = notifier.run()
            await clock.sleep(lasting: .seconds(10))
            trigger.triggerGracefulShutdown()
            try await end
            #expect(await manager.receive() == "STOPPING=1")
            #expect(!manager.hasMore)
        }
    }
}
