import Supervision
import SystemSupport
import WatcherAPI

/// What every watcher must do, as checks that throw. Each takes a target of its own.
package struct WatcherConformance: Sendable {
    package struct Check: Sendable, CustomStringConvertible {
        package var description: String
        fileprivate var body: @Sendable (any WatcherConformanceTarget) async throws -> Void

        /// Runs the check and takes the target away.
        package func run(on target: any WatcherConformanceTarget) async throws {
            do {
                try await body(target)
            } catch {
                try await target.remove()
                throw error
            }
            try await target.remove()
        }
    }

    package static let checks: [Check] = [
        Check(description: "a target that is not there is reported at once, and seen when it appears", body: appears),
        Check(description: "a death is reported with the life that ended", body: death),
        Check(description: "an orderly stop is never called a crash", body: orderlyStop),
        Check(description: "recover brings back what is dead and leaves alone what lives", body: recover),
        Check(description: "what somebody else brought back is not started again", body: broughtBack),
        Check(description: "restart makes another life", body: restart),
        Check(description: "stop ends it, and stopping it again is no failure", body: stop),
        Check(description: "a second observation tells the same as the first", body: observedAgain),
        Check(description: "a target that comes while others are observed is observed, too", body: adoption),
        Check(description: "cancellation gives everything back", body: cancellation),
    ]

    // MARK: Observing

    @Sendable private static func appears(_ target: any WatcherConformanceTarget) async throws {
        try await observing(target.watcher, target.id) { observations in
            let first = try await observations.next()
            switch first.liveness {
            case .missing, .undetermined, .dead: break
            case .alive, .unhealthy, .handledElsewhere: throw ConformanceFailure("nothing is there, but: \(first)")
            }
            try await target.start()
            _ = try await observations.alive()
        }
    }

    @Sendable private static func death(_ target: any WatcherConformanceTarget) async throws {
        try await target.start()
        try await observing(target.watcher, target.id) { observations in
            let life = try await observations.alive()
            try await target.crash()
            let end = try await observations.dead()
            try require(end.identity == life, "the life that ended is \(life), but told was \(end)")
            try require(end.cause != .exit(code: 0), "it was killed, but told was \(end)")
        }
    }

    @Sendable private static func orderlyStop(_ target: any WatcherConformanceTarget) async throws {
        try await target.start()
        try await observing(target.watcher, target.id) { observations in
            _ = try await observations.alive()
            try await target.stopInOrder()
            let end = try await observations.first { observation in
                if case .dead(let end) = observation.liveness, end.isDeliberate || end.cause != .unknown { return end }
                return nil
            }
            switch end.cause {
            case .exit(code: 0), .unknown: break
            case .exit, .signal, .outOfMemory: try require(end.isDeliberate, "stopped in order, but told was \(end)")
            }
        }
    }

    @Sendable private static func observedAgain(_ target: any WatcherConformanceTarget) async throws {
        try await target.start()
        let first = try await observing(target.watcher, target.id) { try await $0.alive() }
        let second = try await observing(target.watcher, target.id) { try await $0.alive() }
        try require(first == second, "one life was told as two: \(first), \(second)")
    }

    @Sendable private static func adoption(_ target: any WatcherConformanceTarget) async throws {
        try await target.start()
        try await observing(target.watcher, target.id) { observations in
            let first = try await observations.alive()
            await target.watcher.adopt([:])
            try await target.crash()
            try await target.start()
            await target.watcher.adopt([target.id: TargetSettings(policy: .never)])
            let second = try await observations.alive(otherThan: first)
            // Given anew, it is the same target.
            await target.watcher.adopt([target.id: TargetSettings(policy: .always)])
            try await target.crash()
            let end = try await observations.dead()
            try require(end.identity == second, "the life that ended is \(second), but told was \(end)")
            _ = try await up(target, .recover)
        }
    }

    @Sendable private static func cancellation(_ target: any WatcherConformanceTarget) async throws {
        try await target.start()
        _ = try await observing(target.watcher, target.id) { try await $0.alive() }
        let rounds = 50
        let before = try ResourceCount.now()
        for _ in 0..<rounds {
            _ = try await observing(target.watcher, target.id) { try await $0.alive() }
        }
        try before.requireNoGrowth(over: rounds)
    }

    // MARK: Acting

    @Sendable private static func recover(_ target: any WatcherConformanceTarget) async throws {
        try await target.start()
        try await observing(target.watcher, target.id) { observations in
            let first = try await observations.alive()
            try require(await up(target, .recover) == first, "recover of what lives has changed it")
            try await target.crash()
            _ = try await observations.dead()
            let second = try await up(target, .recover)
            try require(second != first, "recover told the life that had ended")
            try require(try await observations.alive(otherThan: first) == second, "what was told up was not observed")
        }
    }

    @Sendable private static func broughtBack(_ target: any WatcherConformanceTarget) async throws {
        try await target.start()
        try await observing(target.watcher, target.id) { observations in
            let first = try await observations.alive()
            try await target.crash()
            _ = try await observations.dead()
            try await target.start()
            let second = try await observations.alive(otherThan: first)
            try require(await up(target, .recover) == second, "a second copy was started")
        }
    }

    @Sendable private static func restart(_ target: any WatcherConformanceTarget) async throws {
        try await target.start()
        try await observing(target.watcher, target.id) { observations in
            let first = try await observations.alive()
            let second = try await up(target, .restart)
            try require(second != first, "restart has changed nothing")
            try require(try await observations.alive(otherThan: first) == second, "what was told up was not observed")
            try await target.crash()
            _ = try await observations.dead()
            var outcome = await target.watcher.perform(.restart, on: target.id) {}
            if case .foundEnded(let end) = outcome {
                try require(end.identity == second, "the life that ended is \(second), but told was \(end)")
                outcome = await target.watcher.perform(.recover, on: target.id) {}
            }
            guard case .up(let third, _) = outcome else { throw ConformanceFailure("restart: \(outcome)") }
            try require(try await observations.alive(otherThan: second) == third, "a dead target was not restarted")
        }
    }

    @Sendable private static func stop(_ target: any WatcherConformanceTarget) async throws {
        try await target.start()
        try await observing(target.watcher, target.id) { observations in
            let life = try await observations.alive()
            let outcome = await target.watcher.perform(.stop, on: target.id) {}
            try require(outcome == .down, "stop: \(outcome)")
            switch await target.watcher.perform(.stop, on: target.id, startMade: {}) {
            case .down: break
            case .foundEnded(let end) where end.identity == life: break
            case let other: throw ConformanceFailure("stop of what is stopped: \(other)")
            }
            _ = try await observations.dead()
        }
    }

    /// Deaths in a row: none may be missed, nothing may be left behind.
    package static func deaths(_ count: Int, of target: any WatcherConformanceTarget) async throws {
        try await target.start()
        try await observing(target.watcher, target.id) { observations in
            var life = try await observations.alive()
            let before = try ResourceCount.now()
            for round in 1...count {
                try await target.crash()
                let end = try await observations.dead()
                try require(end.identity == life, "death \(round) of \(life) was told as \(end)")
                _ = try await up(target, .recover)
                life = try await observations.alive(otherThan: life)
            }
            try before.requireNoGrowth(over: count)
        }
        try await target.remove()
    }

    private static func up(_ target: any WatcherConformanceTarget, _ action: TargetAction) async throws -> Identity {
        let outcome = await target.watcher.perform(action, on: target.id) {}
        guard case .up(let identity, _) = outcome else { throw ConformanceFailure("\(action): \(outcome)") }
        return identity
    }
}

private func require(_ condition: Bool, _ failure: @autoclosure () -> String) throws {
    guard condition else { throw ConformanceFailure(failure()) }
}
