import FoundationEssentials
import TestSupport
import Testing
import WireProtocol

/// What a journal has of a runner that is a service.
@Suite(.serialized, .timeLimit(.minutes(1)), .needsSystemd) struct JournalLogTests {
    private func entries(_ host: UnitUnderWatch, _ match: String) async throws -> [[String: String]] {
        let lines = try await host.systemd.run(
            "journalctl", "--output=json",
            "--output-fields=PRIORITY,SYSLOG_IDENTIFIER,MESSAGE,CLEVAGENT_EVENT,_TRANSPORT",
            "_SYSTEMD_UNIT=clevagent-runner.service", match)
        return try lines.split(separator: "\n").map { line in
            try JSONDecoder().decode([String: String].self, from: Data(line.utf8)).filter { !$0.key.hasPrefix("__") }
        }
    }

    @Test func `A service's log is entries with fields`() async throws {
        try await withUnitUnderWatch { host in
            let first = try await host.up()
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            _ = try await host.heard(after: first) { $0.event?.kind == .restarted }
            try await host.run("journalctl", "--sync")
            let entries = try await entries(host, "CLEVAGENT_TARGET=systemd:bot.service")
            let died = try #require(entries.first { $0["CLEVAGENT_EVENT"] == "died" }, "\(entries)")
            #expect(died["_TRANSPORT"] == "journal")
            #expect(died["SYSLOG_IDENTIFIER"] == "clevagent-runner")
            #expect(["4", "5"].contains(died["PRIORITY"]))
            #expect(died["MESSAGE"]?.contains("target=systemd:bot.service") == true)
        }
    }

    @Test func `Text that is asked for is lines there, too`() async throws {
        try await withUnitUnderWatch(flags: "--log-format text") { host in
            _ = try await host.up()
            try await host.run("journalctl", "--sync")
            let entries = try await entries(host, "SYSLOG_IDENTIFIER=clevagent-runner")
            #expect(!entries.isEmpty)
            #expect(entries.allSatisfy { $0["_TRANSPORT"] == "stdout" })
        }
    }
}
