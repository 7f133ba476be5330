import ArgumentParser
import ControlSocket
import FoundationEssentials
import RunnerKit
import WireProtocol

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the runner at work on this host and its targets.",
        discussion: """
            STATE is where supervision stands: running, starting, backoff (to be started at its time), stopping, \
            stopped (by a stop command), exited (down, nothing planned), left (to its own supervisor), unknown.

            Exit status: 0 when it was told, 69 when no runner answers, 74 when it can't be written.
            """)

    @OptionGroup var control: ControlFlags

    @Flag(help: "Write JSON instead of a table; with --follow a line for the whole, then one for each change.")
    var json = false

    @Flag(help: "Go on with each change, until the runner ends.")
    var follow = false

    func run() throws {
        let (json, follow) = (json, follow)
        try control.with { client in
            guard follow else {
                let answer = try await client.ask("/v1/status")
                return try ControlFlags.write(json ? Self.pretty(answer) : Self.text(answer))
            }
            var isFirst = true
            try await client.follow("/v1/status?follow=true") { line in
                defer { isFirst = false }
                if json { return try ControlFlags.write(String(decoding: line, as: UTF8.self)) }
                try ControlFlags.write(
                    isFirst
                        ? Self.text(line)
                        : ControlFlags.decode(RunnerStatus.Target.self, line).line(at: WireTime(Date())))
            }
        }
    }

    private static func text(_ answer: [UInt8]) throws -> String {
        try ControlFlags.decode(RunnerStatus.self, answer).text(at: WireTime(Date()))
    }

    private static func pretty(_ answer: [UInt8]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(ControlFlags.decode(RunnerStatus.self, answer))
        return String(decoding: data, as: UTF8.self)
    }
}

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Show what happened to the targets since the runner started: the last 256 events.",
        discussion: """
            The server keeps the whole history. Exit status: 0 when it was told, 69 when no runner answers, 74 when it \
            can't be written.
            """)

    @OptionGroup var control: ControlFlags

    @Flag(help: "Write JSON, a line an event.")
    var json = false

    @Flag(help: "Go on with each event, until the runner ends.")
    var follow = false

    func run() throws {
        let (json, follow) = (json, follow)
        try control.with { client in
            guard follow else {
                let events = try ControlFlags.decode([RunnerStatus.Event].self, try await client.ask("/v1/events"))
                for event in events { try ControlFlags.write(json ? Self.json(event) : event.line) }
                return
            }
            try await client.follow("/v1/events?follow=true") { line in
                try ControlFlags.write(
                    json
                        ? String(decoding: line, as: UTF8.self)
                        : ControlFlags.decode(RunnerStatus.Event.self, line).line)
            }
        }
    }

    private static func json(_ event: RunnerStatus.Event) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(event), as: UTF8.self)
    }
}
