import RunnerKit
import ServerLink
import Supervision
import SystemPackage
import TestSupport
import Testing

/// What `check` prints, from what was seen.
@Suite struct CheckReportTests {
    private func target(_ kind: WatcherKind, _ name: String) -> WatchedTarget {
        WatchedTarget(id: TargetID(kind: kind, name: name), agent: "bot")
    }

    private let server = CheckReport.Row(target: "https://a.example", state: "ok", detail: "fine", ok: true)

    @Test func aTableHasColumnsAndWhatIsToBeDone() {
        let report = CheckReport(
            server: server,
            targets: [
                .init(target(.process, "/run/bot.pid"), Observation(.alive(.life(7)), memoryMB: 11.6)),
                .init(target(.docker, "x"), Observation(.undetermined("Permission denied\n"))),
            ])
        #expect(!report.ok)
        #expect(
            report.table == """
                TARGET                AGENT  STATE    DETAIL
                process:/run/bot.pid  bot    up       PID 7, 12 MiB
                docker:x              bot    unknown  Permission denied?
                    to do: let the runner's user talk to the engine: usermod -aG docker USER, then start the runner anew
                https://a.example            ok       fine
                """)
        #expect(report.json.contains(#""ok" : false"#))
        #expect(CheckReport(server: server, targets: []).ok)
    }

    @Test(
        arguments: [
            (.dead(End(identity: nil, cause: .unknown)), "down", "start it: what is down"),
            (.missing("no such unit"), "missing", "start it, or correct its name"),
            (.unhealthy(.life(1), "sick"), "unhealthy", "health check"),
            (.handledElsewhere("auto-restart"), "restarting", "its own supervisor"),
            (.undetermined("Access denied"), "unknown", "polkit"),
        ] as [(Observation.Liveness, String, String)])
    func whatIsNotWellHasAnAdvice(liveness: Observation.Liveness, state: String, advice: String) {
        let row = CheckReport.Row(target(.systemd, "bot.service"), Observation(liveness))
        #expect(row.state == state)
        #expect(row.advice?.contains(advice) == true)
        #expect(!row.ok)
    }

    @Test func whatACommandStoppedIsAsItShouldBe() {
        for liveness in [.dead(End(identity: nil, cause: .unknown)), .missing("no")] as [Observation.Liveness] {
            let row = CheckReport.Row(target(.process, "/run/bot.pid"), Observation(liveness), isHeld: true)
            #expect(row.state == "stopped" && row.ok && row.advice == nil)
        }
        let row = CheckReport.Row(target(.process, "/run/bot.pid"), Observation(.alive(.life(1))), isHeld: true)
        #expect(row.state == "up")
    }

    @Test func aStateDirectoryThatCantBeWrittenIsNotWell() throws {
        let directory = try TestProcessDirectory()
        #expect(StateProbe.row(directory.file("new").appending("below")) == nil)
        let row = try #require(StateProbe.row("/proc/sys/nothing"))
        #expect(row.detail?.contains("nothing can be written to /proc/sys") == true)
        #expect(!CheckReport(server: server, targets: [], stateDirectory: row).ok)
    }

    @Test(arguments: [
        ("TLS: no handshake", "openssl s_client"), ("the proxy p: refused", "HTTPS_PROXY"), ("no", "that runs"),
    ])
    func whatIsInTheWayHasItsOwnAdvice(words: String, advice: String) {
        #expect(ServerProbe.row(.unreachable(words), endpoint: "https://a.example").advice?.contains(advice) == true)
    }

    @Test(
        arguments: [
            (
                .systemd, Observation(.missing("is masked: 'systemctl unmask bot.service' lets it start")),
                "unmask it, and start it: systemctl unmask bot.service"
            ),
            (
                .systemd,
                Observation(
                    .dead(End(identity: nil, cause: .unknown)), obstacle: "bot.service is masked: 'systemctl …"),
                "unmask it, and start it: systemctl unmask bot.service"
            ),
            (
                .systemd, Observation(.missing("has a unit file that systemd can't use: it has no ExecStart=")),
                "`systemd-analyze verify bot.service` says what is wrong with its unit file; then systemctl daemon-reload"
            ),
            (
                .systemd, Observation(.missing("is not there: systemd knows no unit bot.service")),
                "start it, or correct its name; `systemctl list-units --all` lists the units"
            ),
            (
                .docker,
                Observation(
                    .undetermined(
                        "can't be judged: there is no program 'docker': install it, or give --docker-command")),
                "install it (Debian: apt install docker.io), or give the client of another engine with --docker-command"
            ),
            (
                .docker,
                Observation(
                    .undetermined("can't be judged: there is no program '/x': install it, or give --docker-command")),
                "correct --docker-command: it is to be a program that the runner's user may run"
            ),
            (
                .docker, Observation(.undetermined("can't be judged: permission denied while trying to connect")),
                "let the runner's user talk to the engine: usermod -aG docker USER, then start the runner anew"
            ),
        ] as [(WatcherKind, Observation, String)])
    func anAdviceDoesNotContradictWhatWasSeen(kind: WatcherKind, observation: Observation, advice: String) {
        #expect(CheckReport.Row(target(kind, "bot"), observation).advice == advice)
    }

    @Test func aOneshotThatEndedWellIsAsItShouldBe() {
        var observation = Observation(.alive(Identity(token: "ended well")))
        observation.remark = "ended well"
        let row = CheckReport.Row(target(.systemd, "bot.service"), observation)
        #expect(row.state == "ok" && row.ok && row.advice == nil)
        #expect(row.detail == "ended well")
    }

    @Test func aJournalThatCantBeReadIsNotWell() {
        let report = CheckReport(server: server, targets: [], journal: .unreadableJournal(user: "bot"))
        #expect(!report.ok)
        #expect(
            report.table.contains(
                """
                journal                   unreadable  user 'bot' may not read what units write, and --log-tail asks for it
                    to do: usermod -aG systemd-journal bot, then start the runner anew
                """))
    }

    @Test func whatCannotBeRestartedIsNotWell() {
        let row = CheckReport.Row(target(.process, "bot"), Observation(.alive(.life(1)), obstacle: "it is setuid"))
        #expect(row.state == "up" && !row.ok)
        #expect(row.advice == "it is watched, and can't be restarted: it is setuid")
        #expect(CheckReport.Row(target(.process, "bot"), nil).detail == "no answer within 5 s")
    }

    @Test(
        arguments: [
            (.answer(status: 200, retryAfter: nil, body: Array("[]".utf8)), "ok"),
            (.answer(status: 200, retryAfter: nil, body: Array("<html>".utf8)), "refused"),
            (.answer(status: 401, retryAfter: nil, body: Array(#"{"detail": "no"}"#.utf8)), "wrong key"),
            (.answer(status: 403, retryAfter: nil, body: nil), "wrong key"),
            (.answer(status: 404, retryAfter: nil, body: nil), "refused"),
            (.answer(status: 302, retryAfter: nil, body: nil), "refused"),
            (.unreachable("connection refused"), "unreachable"),
        ] as [(ServerReply, String)])
    func aReplyIsToldInAWord(reply: ServerReply, state: String) {
        let row = ServerProbe.row(reply, endpoint: "https://a.example")
        #expect(row.state == state)
        #expect(row.ok == (state == "ok"))
        #expect((row.advice == nil) == row.ok)
    }
}
