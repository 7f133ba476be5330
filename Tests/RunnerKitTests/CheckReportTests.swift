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
