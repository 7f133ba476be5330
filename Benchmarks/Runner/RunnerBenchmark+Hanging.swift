extension RunnerBenchmark {
    /// Measures whether targets wait for a server that hangs, and makes the table's rows of it.
    func measureHanging(_ bench: Bench, _ progress: Progress) async throws -> [Row] {
        progress.say("killing \(samples) targets each under two runners, one of them with a server that hangs")
        let figures = try await bench.restartsBesideHangingServer(count: samples)
        let answered = Figure.latency(figures.answered, of: figures.kills)
        return [
            Row(title: "SIGKILL → running again, the server answers", ours: answered),
            Row(
                title: "… the server takes connections and never answers",
                ours: .latency(figures.hanging, of: figures.kills), bar: .times(1.1, answered, than: "that")),
        ]
    }
}
