import Logging
import NIOConcurrencyHelpers
import RunnerKit
import Supervision
import TestSupport
import Testing
import WatcherAPI

/// A kind of target that this host can't watch yet.
@Suite(.timeLimit(.minutes(1))) struct LateWatcherTests {
    private let bot = TargetID(kind: .docker, name: "bot")

    private struct NoEngine: Error, CustomStringConvertible {
        var description: String { "no engine" }
    }

    @Test func itsTargetsAreUndeterminedUntilItCanBeMade() async throws {
        let clock = TestClock()
        let real = ScriptedWatcher([bot])
        let tries = NIOLockedValueBox(0)
        let late = LateWatcher(
            .docker, [bot: TargetSettings()], error: NoEngine(), clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { _ in
            let count = tries.withLockedValue { count in
                count += 1
                return count
            }
            guard count > 2 else { throw NoEngine() }
            return real
        }
        let (seen, continuation) = AsyncStream.makeStream(of: Observation.Liveness.self)
        let reason = "can't be watched: docker is not to be had on this host: no engine"
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [bot] in await late.observe([bot]) { continuation.yield($1.liveness) } }
            var iterator = seen.makeAsyncIterator()
            #expect(await iterator.next() == .undetermined(reason))
            #expect(await late.perform(.restart, on: bot) {} == .failed(reason, isPermanent: false))
            for pause in [1, 2, 4] {
                await clock.sleep(lasting: .seconds(pause))
                clock.advance(by: .seconds(pause))
            }
            real.sees(.alive(.life(1)), bot)
            // Told once: nothing came in between.
            #expect(await iterator.next() == .alive(.life(1)))
            real.ends(.up(.life(2), note: nil), bot)
            #expect(await late.perform(.restart, on: bot) {} == .up(.life(2), note: nil))
            group.cancelAll()
        }
    }

    @Test func otherTargetsThatCameMeanwhileAreWhatItIsMadeFor() async throws {
        let clock = TestClock()
        let other = TargetID(kind: .docker, name: "other")
        let real = ScriptedWatcher([bot, other])
        let given = NIOLockedValueBox<[TargetID: TargetSettings]>([:])
        let late = LateWatcher(
            .docker, [bot: TargetSettings()], error: NoEngine(), clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { targets in
            given.withLockedValue { $0 = targets }
            return real
        }
        let (seen, continuation) = AsyncStream.makeStream(of: TargetID.self)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [bot] in await late.observe([bot]) { target, _ in continuation.yield(target) } }
            var iterator = seen.makeAsyncIterator()
            #expect(await iterator.next() == bot)
            await late.adopt([other: TargetSettings(logTail: 5)])
            #expect(await iterator.next() == other, "told at once why it can't be watched")
            await clock.sleep(lasting: .seconds(1))
            clock.advance(by: .seconds(1))
            real.sees(.alive(.life(1)), other)
            #expect(await iterator.next() == other)
            #expect(given.withLockedValue { $0 } == [other: TargetSettings(logTail: 5)])
            await late.adopt([:])
            #expect(real.adopted == [:])
            group.cancelAll()
        }
    }
}
