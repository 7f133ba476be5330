import LaunchdWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing

/// The commands that are given to launchd, to a program that stands in for it.
@Suite(.timeLimit(.minutes(1))) struct LaunchctlTests {
    private let directory: TestProcessDirectory
    private let launchctl: Launchctl
    private let service: LaunchdService
    private let plist = "/Users/bob/Library/LaunchAgents/com.example.bot.plist"

    init() throws {
        directory = try TestProcessDirectory()
        let program = directory.file("launchctl")
        try directory.write(Self.script, to: program, permissions: 0o755)
        launchctl = Launchctl(program: program, commands: ProcessCommandRunner(on: try EventLoop()))
        service = try #require(LaunchdService("gui/501/com.example.bot", user: 0))
        for (name, fixture) in [("running", "running"), ("exited", "exited"), ("kept", "spawn-scheduled")] {
            let text = String(decoding: try LaunchdFixture.bytes("macos-13-15-\(fixture)"), as: UTF8.self)
            try directory.write(text, to: directory.file(name), permissions: 0o600)
        }
    }

    /// Its state is a file: what `print` answers.
    private static let script = """
        #!/bin/sh
        cd "$(dirname "$0")" || exit 1
        echo "$*" >>calls
        case $1 in
        print)
            [ -f now ] || { echo 'Could not find service "com.example.bot" in domain for user gui: 501' >&2; exit 113; }
            cat now ;;
        kickstart | bootstrap)
            [ ! -f refuse ] || { echo 'Bootstrap failed: 5: Input/output error' >&2; exit 5; }
            if [ "$2" = -k ]; then sed s/4242/4343/ running >now; else cp running now; fi ;;
        kill) cp exited now ;;
        bootout) rm now ;;
        esac

        """

    private func isNow(_ state: String?) throws {
        guard let state else { return }
        let bytes = try readWholeFile(directory.file(state), limit: 1 << 16)
        try directory.write(String(decoding: bytes, as: UTF8.self), to: directory.file("now"), permissions: 0o600)
    }

    /// What was asked for, without the looks.
    private var calls: [String] {
        get throws {
            String(decoding: try readWholeFile(directory.file("calls"), limit: 1 << 16), as: UTF8.self)
                .split(separator: "\n").map(String.init).filter { !$0.hasPrefix("print ") }
        }
    }

    @Test(
        arguments: [
            (.recover, "exited", ["kickstart gui/501/com.example.bot"]), (.recover, "running", []),
            (.restart, "running", ["kickstart -k gui/501/com.example.bot"]),
            (.stop, "running", ["bootout gui/501/com.example.bot"]), (.stop, "exited", []), (.stop, nil, []),
            (.stop, "kept", ["bootout gui/501/com.example.bot"]),
            (
                .recover, nil,
                [
                    "bootstrap gui/501 /Users/bob/Library/LaunchAgents/com.example.bot.plist",
                    "kickstart gui/501/com.example.bot",
                ]
            ),
        ] as [(TargetAction, String?, [String])])
    func anActionIsTheseCommands(action: TargetAction, state: String?, commands: [String]) async throws {
        try isNow(state)
        let outcome = await launchctl.perform(action, on: service, path: plist)
        if action == .stop {
            #expect(outcome == .down)
        } else if case .up(let identity, nil) = outcome {
            #expect(identity.pid == (action == .restart ? 4343 : 4242))
        } else {
            Issue.record("\(outcome)")
        }
        #expect(try calls == commands)
    }

    @Test func aRefusalIsToldInLaunchdsWords() async throws {
        try directory.write("", to: directory.file("refuse"), permissions: 0o600)
        let refused = await launchctl.perform(.recover, on: service, path: plist)
        #expect(
            refused
                == .failed(
                    "launchctl bootstrap failed with 5: Bootstrap failed: 5: Input/output error", isPermanent: false))
        guard case .failed(_, isPermanent: true) = await launchctl.perform(.recover, on: service, path: nil) else {
            Issue.record("nobody knows what to load")
            return
        }
    }
}
