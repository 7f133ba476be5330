extension RunnerBenchmark {
    /// Measures what becomes of 400 changes while the server is away for a minute, and makes the table's rows of it.
    func measureOutage(_ bench: Bench, _ progress: Progress) async throws -> [Row] {
        progress.say("the server is away for a minute, and 200 of 1,000 targets die")
        let figures = try await bench.outage(killing: 200)
        return [
            Row(title: "changes that came, of 400", ours: .count(figures.told), bar: .exactly(2 * figures.killed)),
            Row(title: "… in their order (1 is yes)", ours: .count(figures.isInOrder ? 1 : 0), bar: .exactly(1)),
            Row(
                title: "server is back → first request", ours: .latency(Samples([figures.retry]), of: 1),
                bar: .latency(median: .seconds(12))),
            Row(
                title: "first request → last change", ours: .latency(Samples([figures.backlog]), of: 1),
                bar: .latency(median: .seconds(2))),
            Row(title: "requests for the backlog", ours: .count(figures.requests), bar: .atMost(10)),
            Row(
                title: "error of the deaths' times", ours: .latency(figures.errors, of: figures.killed),
                bar: .latency(median: .milliseconds(50), p99: .milliseconds(50))),
        ]
    }
}
