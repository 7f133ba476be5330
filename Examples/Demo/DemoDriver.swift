import ArgumentParser
import TestSupport
import UnixSignals

/// What `scripts/demo` runs once everything is built.
@main struct DemoDriver: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-driver",
        abstract: "Starts server, runner and two sample agents, kills one, and shows what happens.")

    @Option(help: "Where clevagent-server and clevagent-runner are.")
    var binaries: String

    @Flag(help: "Leave everything running until Ctrl-C.")
    var stay = false

    func run() async throws {
        let binaries = self.binaries
        let stay = self.stay
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        let directory = try AgentDirectory("clevagent-demo")
        let outcome = await withTaskGroup(of: Outcome.self) { group in
            group.addTask { await Self.play(in: directory, binaries: binaries, stay: stay) }
            group.addTask {
                for await _ in signals { break }
                return .interrupted
            }
            // The play returns when its own programs have ended, also when it is cancelled.
            let first = await group.next() ?? .interrupted
            group.cancelAll()
            let second = await group.next() ?? .interrupted
            return stay && first == .interrupted && second != .failed ? .played : first
        }
        directory.remove()
        Narrator.say("\nStopped: server, runner and agents; \(directory.path) is removed.")
        switch outcome {
        case .played: return
        case .failed: throw ExitCode(1)
        case .interrupted: throw ExitCode(130)
        }
    }

    private enum Outcome: Sendable { case played, failed, interrupted }

    private static func play(in directory: AgentDirectory, binaries: String, stay: Bool) async -> Outcome {
        let stage = DemoStage(directory: directory, binaries: binaries)
        var outcome = Outcome.played
        do {
            try await stage.play(stay: stay)
        } catch {
            // After a signal, whatever was under way failed because of that.
            outcome = Task.isCancelled ? .interrupted : .failed
            if outcome == .failed { Narrator.say("\nThe demo failed: \(error)") }
        }
        await stage.clear()
        return outcome
    }
}
