import ServerLink
import Testing
import WireProtocol

@Suite struct CommandOfferTests {
    @Test func itReadsEverythingThatIsOffered() {
        let offer = CommandOffer(
            """
            [{"id": 12, "action": "restart", "type": "docker", "target": "my-bot"},
             {"id": 13, "action": "stop", "type": "process", "target": "/run/a.pid", "agent": "a",
              "issued_at": "2026-11-23T21:16:00.120Z", "expires_in": 899.5, "new": [1]}]
            """)
        #expect(offer.problems == [])
        #expect(
            offer.commands == [
                Command(id: 12, action: "restart", type: "docker", target: "my-bot"),
                Command(
                    id: 13, action: "stop", type: "process", target: "/run/a.pid", agent: "a",
                    issuedAt: WireTime(millisecondsSince1970: 1_795_468_560_120), expiresIn: 899.5),
            ])
    }

    @Test func nothingIsOfferedByAnEmptyList() {
        #expect(CommandOffer("[]") == CommandOffer())
    }

    @Test(arguments: [
        "", "{}", #"{"commands": []}"#, #"{"id": 12, "action": "stop", "type": "process", "target": "t"}"#, "null",
        "7", "\"restart\"", "true", "<html></html>", "[", #"[{"id": 12, "action": "re"#, "[1, 2", "\u{0}",
        String(repeating: "[", count: 100_000),
    ])
    func anAnswerThatIsNoListHasOneProblem(body: String) {
        #expect(
            CommandOffer(body)
                == CommandOffer(problems: ["the answer to the command poll was not a JSON array"]))
    }

    @Test func anAnswerThatWasTooLongOrBrokeOffHasOneProblem() {
        #expect(
            CommandOffer(reading: nil)
                == CommandOffer(problems: ["the answer to the command poll was longer than 1 MiB or broke off"]))
    }

    @Test(arguments: [
        ("null", "a command that is not a JSON object"), ("7", "a command that is not a JSON object"),
        ("\"stop\"", "a command that is not a JSON object"), ("[]", "a command that is not a JSON object"),
        ("{}", "a command without a whole number as its id"),
        (#"{"id": null}"#, "a command without a whole number as its id"),
        (#"{"id": "12"}"#, "a command without a whole number as its id"),
        (#"{"id": 1.5}"#, "a command without a whole number as its id"),
        (#"{"id": 9223372036854775808}"#, "a command without a whole number as its id"),
        (#"{"id": 1e400}"#, "a command without a whole number as its id"),
        (#"{"id": [12]}"#, "a command without a whole number as its id"),
        (#"{"id": 12}"#, "command 12 without action, type and target as texts"),
        (
            #"{"id": 12, "action": 1, "type": "process", "target": "t"}"#,
            "command 12 without action, type and target as texts"
        ),
        (
            #"{"id": 12, "action": "stop", "type": null, "target": "t"}"#,
            "command 12 without action, type and target as texts"
        ),
        (
            #"{"id": 12, "action": "stop", "type": "process", "target": {}}"#,
            "command 12 without action, type and target as texts"
        ),
    ])
    func aBadOneAmongGoodOnesCostsNoneOfThem(bad: String, problem: String) {
        let first = #"{"id": 1, "action": "stop", "type": "process", "target": "t"}"#
        let last = #"{"id": 9223372036854775807, "action": "restart", "type": "process", "target": "t"}"#
        let offer = CommandOffer("[\(first), \(bad), \(last)]")
        #expect(offer.commands.map(\.id) == [1, .max])
        #expect(offer.problems == [problem])
    }

    @Test(arguments: [
        #""agent": 7"#, #""issued_at": 1795468560"#, #""issued_at": "soon""#, #""expires_in": "900""#,
        #""expires_in": null"#, #""expires_in": []"#,
    ])
    func whatMayBeMissingMayBeWrong(member: String) {
        let offer = CommandOffer(#"[{"id": 1, "action": "stop", "type": "process", "target": "t", \#(member)}]"#)
        #expect(offer == CommandOffer(commands: [Command(id: 1, action: "stop", type: "process", target: "t")]))
    }
}

extension CommandOffer {
    fileprivate init(_ body: String) {
        self.init(reading: Array(body.utf8))
    }
}
