import Supervision

/// The boot clock of a simulated host, for one life of its runner.
struct SimulatedClock: Clock {
    typealias Instant = BootInstant

    let life: RunnerLife

    var now: BootInstant { life.host.machine.boottime }
    var minimumResolution: Duration { .microseconds(1) }

    func sleep(until deadline: BootInstant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        guard life.isAlive else { throw CancellationError() }
        let wait = Moment(now.duration(to: deadline))
        if wait > 0 { await life.host.world.sleep(wait, on: life.host.machine) }
        try Task.checkCancellation()
        guard life.isAlive else { throw CancellationError() }
    }
}
