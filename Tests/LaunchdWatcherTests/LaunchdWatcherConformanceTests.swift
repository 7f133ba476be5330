import TestSupport
import Testing

// One after the other: each starts hundreds of processes.
@Suite(.serialized, .timeLimit(.minutes(5))) struct LaunchdWatcherConformanceTests {
    @Test(arguments: WatcherConformance.checks)
    func `The launchd watcher keeps the contract`(check: WatcherConformance.Check) async throws {
        try await check.run(on: StandInLaunchd())
    }

    /// Without the slow re-read: each is heard of from the kernel.
    @Test func `Of 200 deaths in a row none is missed and nothing is left behind`() async throws {
        try await WatcherConformance.deaths(200, of: StandInLaunchd(every: .seconds(3600)))
    }
}
