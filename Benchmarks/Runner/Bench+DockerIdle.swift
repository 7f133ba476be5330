import Glibc
import TestSupport

/// What a runner did that had nothing to do.
struct IdleContainers: Sendable {
    var minutes: Int
    /// Programs started by the runner or by what it started.
    var spawns: Int
    var switches: Switches
}

extension Bench {
    /// Watches containers that only sleep, for that many minutes.
    ///
    /// - Parameter recorder: the built process-recorder, which hears of each fork from the kernel.
    func idleContainers(count: Int, minutes: Int, recorder: String) async throws -> IdleContainers {
        let run = "docker-idle"
        return try await withContainersAlone(count: count) { containers in
            try await withStubServer { stub in
                let watch = try ChildProcess([recorder, ours.home(of: run)], output: .lines)
                var lines = watch.lines.makeAsyncIterator()
                guard await lines.next() == "ready" else { throw BenchmarkError.notReady(recorder, log: "") }
                let runner = try startRunner(run, on: containers, reportingTo: stub)
                do {
                    try await ours.ready(run, count: count, reportingTo: stub)
                    try await Task.sleep(for: .seconds(25))
                    let figures = try await window(of: runner, minutes: minutes) { stub.requests.map(\.arrival) }
                    guard !runner.hasEnded else { throw BenchmarkError.runnerEnded }
                    await watch.end()
                    var (spawns, heard) = (0, false)
                    while let line = await lines.next() {
                        guard line != "lost" else { throw BenchmarkError.cannotRead("the runner") }
                        // Its stream of events, at least.
                        heard = heard || line.hasPrefix("fork\t")
                        if figures.contains(forkIn: line) { spawns += 1 }
                    }
                    guard heard else { throw BenchmarkError.cannotRead(recorder) }
                    await runner.end()
                    return IdleContainers(minutes: minutes, spawns: spawns, switches: figures.switches)
                } catch {
                    await watch.end()
                    await runner.end()
                    throw BenchmarkError.notReady("\(error)", log: ours.logEnd(of: run))
                }
            }
        }
    }
}

extension Bench {
    /// The time of a window on the boot clock, in nanoseconds, and the switches in it.
    private struct Window {
        var time: Range<UInt64>
        var switches: Switches

        /// Whether the recorder's line tells a fork in it.
        func contains(forkIn line: String) -> Bool {
            let fields = line.split(separator: "\t")
            guard fields.count > 1, fields[0] == "fork", let moment = UInt64(fields[1]) else { return false }
            return time.contains(moment)
        }
    }

    private func window(
        of process: ChildProcess, minutes: Int, arrivals: () -> [ContinuousClock.Instant]
    ) async throws -> Window {
        var counter = try SwitchCounter(ProcessMeter(id: process.id))
        let began = Self.bootTime
        let begin = ContinuousClock.now
        for stretch in 1...(240 * minutes) {
            try await Task.sleep(until: begin + .milliseconds(250 * stretch))
            try counter.read()
        }
        return Window(time: began..<Self.bootTime, switches: counter.switches(besides: arrivals()))
    }

    private static var bootTime: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
