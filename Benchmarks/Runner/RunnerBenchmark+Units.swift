extension RunnerBenchmark {
    /// Measures what concerns units of a systemd, and makes the table's rows of it.
    func measureUnits(_ bench: Bench, _ progress: Progress) async throws -> [Row] {
        progress.say("killing \(samples) units")
        let deaths = try await bench.deathsOfUnits(count: samples)
        progress.say("restarting \(samples) units, by hand and by command in turn")
        let restarts = try await bench.restartsOfUnits(count: samples)
        let byHand = Figure.latency(restarts.byHand, of: samples)
        return [
            Row(
                title: "SIGKILL of a unit → error heartbeat", ours: .latency(deaths, of: samples),
                bar: .latency(median: .milliseconds(15))),
            Row(
                title: "restart queued → new process running", ours: .latency(restarts.ours, of: samples),
                byHand: byHand, bar: .times(1.05, byHand)),
            Row(
                title: "restarts reported as completed", ours: .count(restarts.completed),
                bar: .exactly(samples)),
        ] + (quick ? [] : try await measureIdleUnits(bench, progress))
    }

    private func measureIdleUnits(_ bench: Bench, _ progress: Progress) async throws -> [Row] {
        // In less time than this one spawn would be too many.
        let minutes = 5
        progress.say("doing nothing with 50 units, for \(minutes) min")
        let idle = try await bench.idleUnits(count: 50, minutes: minutes)
        return [
            Row(
                title: "processes started a minute, 50 units at rest",
                ours: .amount(idle.spawnsAMinute, .aMinute, beside: "\(idle.spawns) in \(minutes) min"),
                bar: .amountAtMost(0.2, .aMinute)),
            Row(
                title: "… voluntary context switches a minute beside what is sent and answered",
                ours: .count(idle.idleSwitchesAMinute), bar: .atMost(12)),
        ]
    }
}
