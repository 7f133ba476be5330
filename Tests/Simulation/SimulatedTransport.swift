import ServerLink
import Supervision
import WireProtocol

/// How well requests get through, at present.
struct Way {
    var isCut = false
    var losesRequests = 0.0
    var losesAnswers = 0.0
    var breaksAnswers = 0.0
    var doubles = 0.0
    var isSlow = false
    /// Connections are taken and nothing is answered.
    var hangs = false
}

/// The network between one life of a runner and the server.
final class SimulatedTransport: ServerTransport, @unchecked Sendable {
    private unowned let life: RunnerLife

    private var host: SimulatedHost { life.host }
    private var world: World { life.host.world }

    init(_ life: RunnerLife) {
        self.life = life
    }

    /// The one continuation of a request: the first of answer, time limit and cancellation resumes it.
    private final class Waiter: @unchecked Sendable {
        var continuation: CheckedContinuation<ServerReply, Never>?

        func resume(_ reply: ServerReply) {
            continuation?.resume(returning: reply)
            continuation = nil
        }
    }

    func send(_ request: ServerRequest) async -> ServerReply {
        guard life.isAlive else { return .unreachable("the runner is gone") }
        host.checks.sends(request, life)
        life.mayDieSoon(0.002)
        let waiter = Waiter()
        let life = life
        let reply = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<ServerReply, Never>) in
                guard !Task.isCancelled else { return continuation.resume(returning: .unreachable("cancelled")) }
                waiter.continuation = continuation
                set(out: request, waiter)
            }
        } onCancel: {
            waiter.resume(.unreachable("the request was given up"))
        }
        guard life.isAlive else { return .unreachable("the runner is gone") }
        host.checks.hears(reply, to: request, life)
        life.mayDieSoon(0.002)
        return reply
    }

    private func set(out request: ServerRequest, _ waiter: Waiter) {
        world.after(Moment(request.timeLimit), on: host.machine) { waiter.resume(.unreachable("no answer in time")) }
        let way = host.way
        if way.isCut {
            return fail(waiter, "network: refused", "no route to the host")
        }
        if way.hangs || world.chance(way.losesRequests) { return world.trace.count("network: request lost") }
        deliver(request, way, waiter)
        if world.chance(way.doubles) {
            world.trace.count("network: request doubled")
            deliver(request, way, nil)
        }
    }

    private func deliver(_ request: ServerRequest, _ way: Way, _ waiter: Waiter?) {
        let server = host.server
        let runner = host.runnerID
        world.after(delay(way), on: server.machine) { [world, machine = host.machine] in
            // Awaited by the waiter.
            Task {
                let reply = await server.answer(request, from: runner)
                guard let waiter else { return }
                if world.chance(way.losesAnswers) { return world.trace.count("network: answer lost") }
                world.after(self.delay(way), on: machine) {
                    guard case .answer(let status, let after, _) = reply, world.chance(way.breaksAnswers) else {
                        return waiter.resume(reply)
                    }
                    world.trace.count("network: answer broken off")
                    waiter.resume(.answer(status: status, retryAfter: after, body: nil))
                }
            }
        }
    }

    private func fail(_ waiter: Waiter, _ what: String, _ reason: String) {
        world.trace.count(what)
        world.after(world.spread(10, .milliseconds(100)), on: host.machine) { waiter.resume(.unreachable(reason)) }
    }

    private func delay(_ way: Way) -> Moment {
        way.isSlow ? world.spread(.milliseconds(5), .seconds(40)) : world.spread(100, .milliseconds(60))
    }
}
