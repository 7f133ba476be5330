import ServerLink
import Testing
import WireProtocol

@Suite struct ReplyVerdictTests {
    // MARK: - Success

    @Test(arguments: [
        "{}", #"{"ok": true}"#, " \r\n\t{\"ok\": true} ", #"{"results": [], "new": {"deep": [1, null]}}"#,
        #"{"ok": "yes"}"#,
    ])
    func aSuccessWithAnObjectIsTaken(body: String) {
        for status in [200, 201, 202, 299] {
            #expect(ReplyVerdict(.answer(status, body)) == .taken(Array(body.utf8)))
        }
    }

    @Test(arguments: [
        nil, "", " ", "[]", "[{}]", "null", "7", "\"ok\"", "true", "<html><body><h1>It works</h1></body></html>",
        #"{"ok": tr"#, #"{"ok": true"#, #"{"ok": true}}"#, "{} {}", "{'ok': 1}", "\u{FEFF}", "ok",
    ])
    func aSuccessWithoutAnObjectIsKept(body: String?) {
        guard case .later(let reason, after: nil) = ReplyVerdict(.answer(200, body)) else {
            Issue.record("\(ReplyVerdict(.answer(200, body)))")
            return
        }
        #expect(reason == "HTTP 200 without a JSON object in the answer: is this a ClevAgent server?")
    }

    @Test func aSuccessInBytesThatAreNoTextIsKept() {
        guard case .later = ReplyVerdict(.answer(status: 200, retryAfter: nil, body: [0x7B, 0xFF, 0xFE, 0x7D])) else {
            Issue.record("a body that is no UTF-8 was taken")
            return
        }
    }

    // MARK: - Statuses

    @Test(
        arguments: [
            (400, .refused("HTTP 400: no")), (413, .refused("HTTP 413: no")), (422, .refused("HTTP 422: no")),
            (401, .unauthorized("HTTP 401: no")), (403, .unauthorized("HTTP 403: no")),
            (404, .unknownPath("HTTP 404: no", saidByServer: true)), (405, .unknownPath("HTTP 405: no")),
            (402, .later("HTTP 402: no", after: .seconds(9))), (408, .later("HTTP 408: no", after: .seconds(9))),
            (409, .later("HTTP 409: no", after: .seconds(9))), (418, .later("HTTP 418: no", after: .seconds(9))),
            (429, .later("HTTP 429: no", after: .seconds(9))), (500, .later("HTTP 500: no", after: .seconds(9))),
            (502, .later("HTTP 502: no", after: .seconds(9))), (503, .later("HTTP 503: no", after: .seconds(9))),
            (599, .later("HTTP 599: no", after: .seconds(9))), (101, .later("HTTP 101: no", after: .seconds(9))),
            (999, .later("HTTP 999: no", after: .seconds(9))), (0, .later("HTTP 0: no", after: .seconds(9))),
        ] as [(Int, ReplyVerdict)])
    func everyOtherStatusMeansWhatTheProtocolSays(status: Int, verdict: ReplyVerdict) {
        let reply = ServerReply.answer(
            status: status, retryAfter: .seconds(9), body: Array(#"{"detail": "no"}"#.utf8))
        #expect(ReplyVerdict(reply) == verdict)
    }

    @Test(arguments: [300, 301, 302, 303, 304, 307, 308, 399]) func aRedirectIsKeptAndTheFlagNamed(status: Int) {
        let reply = ServerReply.answer(status: status, retryAfter: nil, body: [])
        guard case .later(let reason, after: nil) = ReplyVerdict(reply) else {
            Issue.record("\(ReplyVerdict(reply))")
            return
        }
        #expect(reason.hasPrefix("HTTP \(status): a redirect, which is never followed with the key"))
        #expect(reason.contains("--endpoint"))
    }

    @Test func anAgentThatAStrictProjectDoesNotKnowIsRefusedForGood() {
        #expect(
            ReplyVerdict(.answer(403, #"{"detail": "Agent not registered"}"#))
                == .refused("HTTP 403: Agent not registered"))
    }

    @Test func aServerThatCannotBeAskedIsTriedAgain() {
        #expect(ReplyVerdict(.unreachable("no route to the host")) == .later("no route to the host", after: nil))
    }

    // MARK: - Words

    @Test(
        arguments: [
            (nil, "HTTP 422"), ("", "HTTP 422"), ("<html>", "HTTP 422"), ("[]", "HTTP 422"), ("null", "HTTP 422"),
            (#"{"detail": 7}"#, "HTTP 422"), (#"{"detail": "too long"}"#, "HTTP 422: too long"),
            (#"{"detail": "no", "errors": []}"#, "HTTP 422: no"),
            (#"{"detail": "no", "errors": [{"field": "agent", "message": "too long"}]}"#, "HTTP 422: agent: too long"),
            (#"{"detail": "a\nb\u001b[2Jc"}"#, "HTTP 422: a b [2Jc"),
            // Pydantic's form, which older servers send.
            (#"{"detail": [{"loc": ["body", "agent"], "msg": "field required"}]}"#, "HTTP 422"),
            (#"{"detail": "no", "errors": "odd"}"#, "HTTP 422: no"),
        ] as [(String?, String)])
    func theServersWordsAreOneLine(body: String?, words: String) {
        #expect(ReplyVerdict(.answer(422, body)) == .refused(words))
    }

    @Test func theServersWordsAreCut() {
        let detail = String(repeating: "x", count: 100_000)
        #expect(
            ReplyVerdict(.answer(400, #"{"detail": "\#(detail)"}"#))
                == .refused("HTTP 400: " + String(repeating: "x", count: 200)))
    }
}

extension ServerReply {
    fileprivate static func answer(_ status: Int, _ body: String?) -> ServerReply {
        .answer(status: status, retryAfter: nil, body: body.map { Array($0.utf8) })
    }
}
