import FoundationEssentials
import NIOHTTP1
import SystemPackage
import SystemSupport
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// The built runner and the built server on a host that lacks something, or misbehaves, for a while.
@Suite(.timeLimit(.minutes(10))) struct HostFaultTests {
    @Test func withoutNamesItIsSaidThatItIsTheNames() async throws {
        let nameServer = try SilentNameServer()
        var options = FaultWorld.Options()
        // Longer than a connection is waited for.
        let asking = "nameserver \(nameServer.address)\\noptions timeout:12 attempts:1\\n"
        options.mounts = """
            cd "$0"
            printf '127.0.0.1 server.test\\n' >hosts
            printf 'hosts: files dns\\n' >nsswitch.conf
            printf '\(asking)' >resolv.conf
            for f in hosts nsswitch.conf resolv.conf; do mount --bind $f /etc/$f || exit; done
            """
        options.arguments = { ["--endpoint", "http://server.test:\($0.port)", "--allow-http"] }
        try await FaultWorld.run(options) { world in
            try write("", to: world.agents.path + "/hosts")
            await world.proxy.cutConnections()
            #expect(try await world.killEach() < FaultWorld.patience)
            #expect(
                await world.log.says("the name server.test could not be resolved: no name server gives an answer"))
            try write("127.0.0.1 server.test\n", to: world.agents.path + "/hosts")
            world.judge(try await world.history(deaths: 3, within: .seconds(60)), "no names")
            world.judgeComplaints("no names")
            #expect(!world.log.lines.contains { $0.contains("no connection within") })
        }
        withExtendedLifetime(nameServer) {}
    }

    @Test func onAFullDiskNothingIsStartedThatWasNotWrittenDownAndNothingIsLost() async throws {
        var options = FaultWorld.Options()
        options.mounts = #"mkdir "$0/state" && mount -t tmpfs -o size=256k,mode=700 state "$0/state""#
        try await FaultWorld.run(options) { world in
            // The runner's own view of it: nobody else has that file system.
            let filler = "/proc/\(world.runner.id)/root\(world.agents.path)/state/filler"
            try fillDisk(with: filler)
            let ended = try world.names.map { ($0, try world.end($0)) }
            for name in world.names {
                #expect(await world.log.says("\(name) can't be restarted yet: the new process could not be written"))
            }
            #expect(await world.log.says("The state directory can't be written; the runner goes on from memory"))
            _ = try await world.proxy.eventually("the deaths") {
                try await world.server.history().count { $0.kind == "died" } == 3 ? true : nil
            }
            for name in world.names { #expect(world.agents.lives(of: name).count == 1) }
            try FileManager.default.removeItem(atPath: filler)
            for (name, pid) in ended { try await world.isBack(name, after: pid) }
            #expect(await world.log.says("The state directory can be written again; nothing was lost"))
            world.judge(try await world.history(deaths: 3), "full disk", isOrdered: false)
            world.judgeComplaints("full disk")
        }
    }

    @Test func withoutFileDescriptorsNothingCrashesAndAllIsBackSoonAfter() async throws {
        try await FaultWorld.run { world in
            // None that it closes is to be had again either.
            try await setOpenFileLimit(of: world.runner, to: 3)
            await world.proxy.cutConnections()
            let ended = try world.names.map { ($0, try world.end($0)) }
            #expect(await world.log.says("no file descriptor is left"))
            for name in world.names { #expect(await world.log.says("\(name) can't be")) }
            try await setOpenFileLimit(of: world.runner, to: 4096)
            let lifted = ContinuousClock.now
            for (name, pid) in ended { try await world.isBack(name, after: pid) }
            #expect(ContinuousClock.now - lifted < FaultWorld.patience)
            world.judge(try await world.history(deaths: 3), "no descriptors", isOrdered: false)
            world.judgeComplaints("no descriptors")
        }
    }

    @Test func aRunnerThatStoodStillTellsWhatItMissedAndNothingElse() async throws {
        try await FaultWorld.run { world in
            try await world.whileRunnerStandsStill {
                for name in ["bot-1", "bot-2"] { _ = try world.end(name) }
            }
            let events = try await world.history(deaths: 2)
            world.judge(events, "stood still", died: ["bot-1", "bot-2"], isOrdered: false)
            world.judgeComplaints("stood still")
            #expect(events.count { $0.kind == "runner_silent" } == 1)
            #expect(events.count { $0.kind == "heard_again" } == 1)
        }
    }

    @Test func aClockThatIsSetChangesNothing() async throws {
        var options = FaultWorld.Options()
        options.names = (1...5).map { "bot-\($0)" }
        let clocks = (runner: try ClockSteps(), server: try ClockSteps())
        options.environment = clocks.runner.environment
        options.serverEnvironment = clocks.server.environment
        // No poll gets as far as the server until it is time.
        options.prepare = { $0.script(.commands, always: .hang) }
        try await FaultWorld.run(options) { world in
            try clocks.runner.step(to: .seconds(3600))
            try await world.diesAndIsBack("bot-1")
            try clocks.runner.step(to: .seconds(-3600))
            try await world.diesAndIsBack("bot-2")

            // A command waits at the server when its clock is set: it has not expired.
            let commanded = try #require(world.agents.processID(of: "bot-3"))
            let agent = try #require(try await world.server.agentID("bot-3"))
            _ = try await world.server.ask(
                .POST, "/agents/\(agent)/commands", #"{"action": "restart"}"#, as: BuiltServer.Queued.self)
            try clocks.server.step(to: .seconds(3600))
            try await world.diesAndIsBack("bot-4")
            world.proxy.clearScript()
            await world.proxy.cutConnections()
            try await world.isBack("bot-3", after: commanded)
            try await world.serverHas("the result") { $0.contains { $0.kind == "command_completed" } }

            try clocks.server.step(to: .seconds(-3600))
            try await world.diesAndIsBack("bot-5")
            let events = try await world.server.history()
            world.judge(events, "clock set", died: ["bot-1", "bot-2", "bot-4", "bot-5"], restarted: ["bot-3"])
            let wrong = ["silent", "runner_silent", "heard_again", "unknown", "missing", "command_expired"]
            #expect(events.filter { wrong.contains($0.kind) }.map(\.kind) == [])

            // Who really is silent is missed all the same.
            try await world.whileRunnerStandsStill {}
            try await world.serverHas("the runner again") { $0.contains { $0.kind == "heard_again" } }
        }
    }

    // MARK: - What is done to the host

    /// Writes until nothing more fits in.
    private func fillDisk(with path: String) throws {
        let file = try FileDescriptor.open(
            FilePath(path), .writeOnly, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
        try file.closeAfter {
            do {
                while true { _ = try file.writeAll([UInt8](repeating: 0, count: 4096)) }
            } catch Errno.noSpace {}
        }
    }

    /// Has a running process take no descriptor from this number on; what it has it keeps.
    private func setOpenFileLimit(of process: ChildProcess, to limit: Int) async throws {
        let tool = try ChildProcess(["/usr/bin/prlimit", "--pid", "\(process.id)", "--nofile=\(limit):"])
        guard await tool.ended() == 0 else { throw FaultError(words: "the limit can't be set") }
    }
}

/// In its place, so that who has it open sees it.
private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
}
