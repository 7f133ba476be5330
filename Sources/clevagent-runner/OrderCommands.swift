import ArgumentParser
import ControlSocket
import FoundationEssentials
import RunnerKit

/// The target that an operator means.
struct OrderFlags: ParsableArguments {
    @OptionGroup var control: ControlFlags

    @Argument(help: "TYPE:NAME as it is watched, or the agent's name.")
    var target: String

    /// What a route is asked to do.
    private struct Wish: Encodable {
        var target: String
        /// Seconds.
        var `for`: Double?
    }

    /// Has it done, and says what came of it.
    func carryOut(_ act: String, for seconds: Double? = nil) throws {
        let wish = Wish(target: target, for: seconds)
        try control.with { client in
            let answer = try await client.ask("/v1/\(act)", posting: [UInt8](JSONEncoder().encode(wish)))
            try ControlFlags.writeOutcome(answer)
        }
    }
}

private let exits = """
    Exit status: 0 when it was done, 1 when it failed or there is no such target, 69 when no runner answers, 77 when \
    you may not: root may, the runner's own user, and members of --control-group.
    """

struct RestartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Restart a target, and start one that is down; returns when it has stayed up for five seconds.",
        discussion: exits)

    @OptionGroup var order: OrderFlags

    func run() throws { try order.carryOut("restart") }
}

struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "Stop a target and hold it down, until a restart, a resume, or a start by somebody else.",
        discussion: exits)

    @OptionGroup var order: OrderFlags

    func run() throws { try order.carryOut("stop") }
}

struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Go on watching and reporting a target, and do not restart it.",
        discussion: """
            A pause survives the runner; one with an end also ends with the host's present boot. \(exits)
            """)

    @OptionGroup var order: OrderFlags

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("How long: 90s, 30m, 2h, 1d (default: until it is resumed).", valueName: "time"))
    var time: OperatorTime?

    func run() throws { try order.carryOut("pause", for: time?.seconds) }
}

struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "End a pause, and what a stop command holds; what is down because of a pause is started.",
        discussion: exits)

    @OptionGroup var order: OrderFlags

    func run() throws { try order.carryOut("resume") }
}

extension OperatorTime: ExpressibleByArgument {
    init?(argument: String) { self.init(argument) }
}

struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Have the runner read its settings again: all of them are taken, or nothing is changed.",
        discussion: """
            What stays watched keeps its state. Settings of the runner itself (endpoint, key, log-level, …) are in force after \
            its next start, and are named.

            Exit status: 0 when they were taken, 1 when they are wrong, 69 when no runner answers, 77 when you may not.
            """)

    @OptionGroup var control: ControlFlags

    func run() throws {
        try control.with { try ControlFlags.writeOutcome(try await $0.ask("/v1/reload", posting: [])) }
    }
}
