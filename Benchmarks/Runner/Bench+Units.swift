import Glibc
import TestSupport
import WireProtocol

/// How fast a unit is brought down and up again.
struct UnitRestarts: Sendable {
    /// Command queued at the server → the new process runs and has said so.
    var ours = Samples()
    /// `systemctl restart` typed into a shell → the same.
    var byHand = Samples()
    /// Commands that the runner reported as completed.
    var completed = 0
}

/// What a runner used while nothing happened to its units.
struct UnitIdle: Sendable {
    var minutes: Double
    /// Processes and threads that began within the whole systemd.
    var spawns: Int
    var switches: Switches

    var spawnsAMinute: Double { Double(spawns) / minutes }
    var idleSwitchesAMinute: Int { Int((Double(switches.idle) / minutes).rounded(.up)) }
}

extension Bench {
    /// Kills every unit once, one after the other.
    ///
    /// - Returns: SIGKILL → the server has a heartbeat that says error.
    func deathsOfUnits(count: Int) async throws -> Samples {
        try await withUnits(count) { host in
            var told: [Duration] = []
            for name in host.names {
                var killed: ContinuousClock.Instant?
                // Until it runs again: what is left undone is found here.
                _ = try await timeToRun(name, host) {
                    let now = try host.kill(name)
                    killed = now
                    return now
                }
                let heartbeat = try await host.stub.heartbeat { $0.agent == name && $0.status == .error }
                if let killed { told.append(heartbeat.arrival - killed) }
                try await pause()
            }
            return Samples(told)
        }
    }

    /// Restarts every unit twice: by hand, then by a command, so that what changes on the machine changes both.
    func restartsOfUnits(count: Int) async throws -> UnitRestarts {
        try await withUnits(count) { host in
            var byHand: [Duration] = []
            var ours: [Duration] = []
            var commands: [Int64] = []
            for name in host.names {
                let told = host.stub.heartbeats.count - 1
                byHand.append(
                    try await timeToRun(name, host) { try host.shell.type("systemctl restart \(name).service") })
                _ = try await host.shell.printed()
                _ = try await host.stub.heartbeat(after: told) { $0.agent == name && $0.status == .ok }
                try await pause()
                try await host.stub.heldPoll()
                ours.append(
                    try await timeToRun(name, host) {
                        let now = ContinuousClock.now
                        let unit = UnitHost.unit(of: name)
                        commands.append(host.stub.queue("restart", type: "systemd", target: unit, agent: name).id)
                        return now
                    })
                try await pause()
            }
            var completed = 0
            for id in commands where try await host.stub.result(of: id).result.status == .completed { completed += 1 }
            return UnitRestarts(ours: Samples(ours), byHand: Samples(byHand), completed: completed)
        }
    }

    /// Measures from 25 s after all were reported, for a while.
    func idleUnits(count: Int, minutes: Int) async throws -> UnitIdle {
        try await withUnits(count) { host in
            try await Task.sleep(for: .seconds(25))
            var counter = try SwitchCounter(ProcessMeter(id: host.runnerID))
            let first = try await host.lastID()
            let begin = ContinuousClock.now
            for stretch in 1...(240 * minutes) {
                try await Task.sleep(until: begin + .milliseconds(250 * stretch))
                try counter.read()
            }
            let last = try await host.lastID()
            let switches = counter.switches(besides: host.stub.requests.map(\.arrival))
            return UnitIdle(minutes: Double(minutes), spawns: last - first, switches: switches)
        }
    }

    private func timeToRun(
        _ name: String, _ host: UnitHost, _ begin: () throws -> ContinuousClock.Instant
    ) async throws -> Duration {
        let events = host.agents.events()
        let began = try begin()
        for await event in events where event.kind == .running && event.name == name { return event.at - began }
        throw BenchmarkError.notReady("\(name) was not restarted", log: await host.log)
    }

    /// A sleep, so that what comes next meets neither runner nor systemd at what they do afterwards.
    private func pause() async throws { try await Task.sleep(for: .milliseconds(.random(in: 50...100))) }
}

extension UnitHost {
    /// The number that was given to a process or thread inside last (pid_namespaces(7)). Asking takes none: the shell
    /// reads it itself.
    fileprivate func lastID() async throws -> Int {
        _ = try shell.type("read -r id </proc/sys/kernel/ns_last_pid; echo $id")
        guard let id = Int(try await shell.printed()) else { throw BenchmarkError.cannotRead("ns_last_pid") }
        return id
    }
}
