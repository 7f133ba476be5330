import ServerDomain
import Testing
import WireProtocol

@Suite struct FleetCommandTests {
    private let runner = RunnerID(rawValue: "r1")

    private func queue(_ bench: inout FleetBench, _ action: CommandAction = .restart) -> Result<
        QueuedCommand, QueueRefusal
    > {
        let id = bench.id()
        return bench.turn { fleet, turn in fleet.queue(action, for: id, runner: nil, &turn) }
    }

    private func take(_ bench: inout FleetBench, _ runner: RunnerID?) -> [CommandID] {
        bench.turn { fleet, turn in fleet.takeCommands(for: runner, &turn).map(\.id) }
    }

    private func finish(
        _ bench: inout FleetBench, _ id: CommandID, _ status: CommandResult.Status, by runner: RunnerID? = nil
    ) -> Bool {
        bench.turn { fleet, turn in fleet.finish(id, status, message: status.rawValue, by: runner, &turn) }
    }

    @Test func `A result of another runner is none`() throws {
        var bench = FleetBench()
        bench.beat(by: "r1")
        let command = try queue(&bench).get()
        #expect(!finish(&bench, command.id, .completed, by: RunnerID(rawValue: "r2")))
        #expect(take(&bench, runner) == [command.id])
        #expect(finish(&bench, command.id, .failed, by: runner))
        #expect(bench.fleet.commands[command.id]?.state == .failed)
    }

    @Test func `A command goes to the runner that watches the agent, and to nobody else`() throws {
        var bench = FleetBench()
        bench.beat(by: "r1")
        let command = try queue(&bench).get()
        #expect(command.address == RestartAddress(type: "process", target: "/run/bot.pid"))
        #expect(take(&bench, RunnerID(rawValue: "r2")) == [])
        #expect(take(&bench, nil) == [])
        #expect(take(&bench, runner) == [command.id])
        #expect(finish(&bench, command.id, .completed))
        #expect(bench.kinds == ["command_queued", "command_delivered", "command_completed"])
        #expect(bench.fleet.commands[command.id]?.state == .completed)
    }

    @Test func `A runner with an id is asked again after 120 s, until the command expires`() throws {
        var bench = FleetBench()
        bench.beat(by: "r1", interval: 100_000)
        let command = try queue(&bench).get()
        #expect(take(&bench, runner) == [command.id])
        bench.wait(119)
        #expect(take(&bench, runner) == [])
        bench.wait(1)
        #expect(take(&bench, runner) == [command.id])
        bench.wait(900)
        #expect(take(&bench, runner) == [])
        #expect(bench.fleet.commands[command.id]?.state == .expired)
        #expect(bench.events.last?.message == "expired (outcome unknown)")
        #expect(bench.kinds.count { $0 == "command_delivered" } == 1)
    }

    @Test func `A client without an id is asked once`() throws {
        var bench = FleetBench()
        bench.beat(interval: 100_000) { report in
            report.restartType = "docker"
            report.restartTarget = "my-bot"
        }
        let command = try queue(&bench).get()
        #expect(take(&bench, nil) == [command.id])
        bench.wait(800)
        #expect(take(&bench, nil) == [])
    }

    @Test func `The first result stands, also after the expiry`() throws {
        var bench = FleetBench()
        bench.beat(by: "r1", interval: 100_000)
        let command = try queue(&bench).get()
        bench.wait(1000)
        #expect(bench.fleet.commands[command.id]?.state == .expired)
        #expect(finish(&bench, command.id, .failed))
        #expect(finish(&bench, command.id, .completed))
        #expect(bench.fleet.commands[command.id]?.state == .failed)
        #expect(bench.fleet.commands[command.id]?.resultMessage == "failed")
        #expect(bench.kinds.suffix(2) == ["command_expired", "command_failed"])
    }

    @Test func `An unknown command has no result`() {
        var bench = FleetBench()
        #expect(!finish(&bench, CommandID(rawValue: 1), .completed))
    }

    @Test func `Nothing is queued into nothing`() {
        var bench = FleetBench()
        #expect(queue(&bench) == .failure(.unknownAgent))
        bench.beat()
        #expect(queue(&bench) == .failure(.noRunner), "only its own code reports it")
        bench.beat(by: "r1", interval: 30)
        bench.wait(70)
        #expect(queue(&bench) == .failure(.noRunner), "its runner is silent")
    }

    @Test func `With several runners one must be named`() throws {
        var bench = FleetBench()
        bench.beat(by: "r1")
        bench.beat(by: "r2")
        let id = bench.id()
        guard case .failure(.ambiguous(let runners)) = queue(&bench) else {
            Issue.record("must be refused")
            return
        }
        #expect(Set(runners.map(\.rawValue)) == ["r1", "r2"])
        let named = bench.turn { fleet, turn in
            fleet.queue(.restart, for: id, runner: RunnerID(rawValue: "r2"), &turn)
        }
        #expect(try named.get().runner?.rawValue == "r2")
        let stranger = bench.turn { fleet, turn in
            fleet.queue(.restart, for: id, runner: RunnerID(rawValue: "r3"), &turn)
        }
        #expect(stranger == .failure(.unknownRunner))
    }

    @Test func `The same action is queued once, another one beside it`() throws {
        var bench = FleetBench()
        bench.beat(by: "r1")
        let first = try queue(&bench).get()
        #expect(queue(&bench) == .failure(.alreadyQueued(first.id)))
        _ = take(&bench, runner)
        #expect(queue(&bench) == .failure(.alreadyQueued(first.id)), "it is under way")
        #expect(throws: Never.self) { try queue(&bench, .stop).get() }
        _ = finish(&bench, first.id, .completed)
        #expect(throws: Never.self) { try queue(&bench).get() }
    }

    @Test(arguments: [(0, 1_800_000_000), (1_900_000_000, 1_900_000_001)] as [(Int64, Int64)])
    func `Ids never come again, not even in a new installation`(last: Int64, next: Int64) {
        let source = IdentifierSource(lastCommand: last, unixSeconds: 1_800_000_000)
        #expect(source.nextCommand == next)
    }

    @Test func `A restart of the server keeps what is open and offers it to its runner at once`() throws {
        var bench = FleetBench()
        bench.beat(by: "r1", interval: 100_000)
        let command = try queue(&bench).get()
        _ = take(&bench, runner)
        bench.time = 60
        let snapshot = Fleet.Snapshot(
            agents: Array(bench.fleet.agents.values), instances: Array(bench.fleet.instances.values),
            commands: Array(bench.fleet.commands.values))
        bench.fleet = Fleet(project: FleetBench.project, restoring: snapshot, now: bench.now)
        #expect(take(&bench, runner) == [command.id])
        bench.wait(841)
        #expect(bench.fleet.commands[command.id]?.state == .expired)
    }
}
