import TestSupport

extension RunnerBenchmark {
    /// Measures what is done for containers beside what Docker's own client does, and makes the table's rows of it.
    func measureDocker(_ bench: Bench, _ progress: Progress) async throws -> [Row] {
        progress.say("killing \(dockerSamples) containers")
        let deaths = try await bench.containerDeaths(count: dockerSamples)
        progress.say("restarting a container \(dockerSamples) times by command and by hand, in turn")
        let restarts = try await bench.containerRestarts(count: dockerSamples)
        progress.say("watching 50 idle containers for \(dockerMinutes) min")
        let idle = try await bench.idleContainers(count: 50, minutes: dockerMinutes, recorder: recorder)
        func latency(_ samples: Samples) -> Figure { .latency(samples, of: dockerSamples) }
        let ratio = (restarts.queued.median ?? .zero) / max(restarts.byHand.median ?? .zero, .nanoseconds(1))
        let minutes = Double(idle.minutes)
        return [
            Row(
                title: "container killed → error heartbeat, and docker events' line", ours: latency(deaths.told),
                byHand: latency(deaths.line), bar: nil),
            Row(
                title: "… later than that line", ours: latency(deaths.later),
                bar: .latency(median: .milliseconds(10))),
            Row(
                title: "restart queued → start event, and docker restart", ours: latency(restarts.queued),
                byHand: latency(restarts.byHand), bar: nil),
            Row(
                title: "… medians' ratio", ours: .amount(ratio, .times), bar: .amountAtMost(1.05, .times)),
            Row(
                title: "programs started a minute, 50 idle containers, \(idle.minutes) min",
                ours: .amount(Double(idle.spawns) / minutes, .aMinute), bar: .amountAtMost(0.2, .aMinute)),
            Row(
                title: "voluntary context switches a minute beside what is sent and answered",
                ours: .amount(
                    Double(idle.switches.idle) / minutes, .aMinute,
                    beside: "\(Figure.Unit.aMinute.text(Double(idle.switches.all) / minutes)) with it"),
                bar: .amountAtMost(12, .aMinute)),
        ]
    }
}
