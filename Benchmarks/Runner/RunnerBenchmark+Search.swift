extension RunnerBenchmark {
    /// Measures how a process is found by its command line beside 5,000 others, and makes the table's rows of it.
    func measureSearch(_ bench: Bench, _ progress: Progress) async throws -> [Row] {
        let crowd = 5000
        progress.say("looking for a process beside \(crowd) others")
        let figures = try await bench.search(beside: crowd, count: 30)
        return [
            Row(
                title: "started → told as found, \(crowd) processes", ours: .latency(figures.found, of: 30),
                bar: .latency(median: .seconds(1), p99: .seconds(1))),
            Row(
                title: "CPU in a second of looking for it",
                ours: .amount(figures.cpuASecond.milliseconds / 1000, .seconds),
                bar: .amountAtMost(0.02, .seconds)),
        ]
    }
}
