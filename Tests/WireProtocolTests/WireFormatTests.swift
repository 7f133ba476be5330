import FoundationEssentials
import Testing
import WireProtocol

/// The names on the wire are a contract with programs that are already out there.
@Suite struct WireFormatTests {
    @Test func aHeartbeatHasTheKeysOfTheProtocol() throws {
        let heartbeat = Heartbeat(
            agent: "bot", status: .warning, message: "m", memoryMB: 81.5, agentType: "claude", restartType: "process",
            restartTarget: "/run/bot.pid", interval: 30, observedAt: time, sentAt: time, seq: 7, eventID: "r:7",
            event: HeartbeatEvent(
                kind: .crashLoop, exitCode: 1, signal: 9, oom: true, pid: 42, attempt: 3, nextAttemptIn: 2.5))
        let expected = """
            {"agent":"bot","agent_type":"claude","event":{"attempt":3,"exit_code":1,"kind":"crash_loop",\
            "next_attempt_in":2.5,"oom":true,"pid":42,"signal":9},"event_id":"r:7","interval":30,"memory_mb":81.5,\
            "message":"m","observed_at":"2026-11-23T21:16:00.120Z","restart_target":"\\/run\\/bot.pid",\
            "restart_type":"process","sent_at":"2026-11-23T21:16:00.120Z","seq":7,"status":"warning"}
            """
        #expect(try json(heartbeat) == expected)
        #expect(try again(heartbeat) == heartbeat)
    }

    @Test func whatIsNotKnownIsLeftOut() throws {
        #expect(try json(Heartbeat(agent: "bot", status: .ok)) == #"{"agent":"bot","status":"ok"}"#)
        #expect(try json(HeartbeatEvent(kind: .died)) == #"{"kind":"died"}"#)
        #expect(try json(CommandResult(status: .completed)) == #"{"status":"completed"}"#)
        #expect(try json(APIError(detail: "no")) == #"{"detail":"no"}"#)
    }

    @Test func aBatchHasTheKeysOfTheProtocol() throws {
        let batch = HeartbeatBatch(
            heartbeats: [], sentAt: time,
            runner: RunnerInfo(
                id: "r", hostname: "web-1", version: "0.1.0", bootID: "b", state: .stopping, reason: "told to"))
        let expected = """
            {"heartbeats":[],"runner":{"boot_id":"b","hostname":"web-1","id":"r","reason":"told to",\
            "state":"stopping","version":"0.1.0"},"sent_at":"2026-11-23T21:16:00.120Z"}
            """
        #expect(try json(batch) == expected)
        #expect(try again(batch) == batch)
    }

    @Test func aCommandHasTheKeysOfTheProtocol() throws {
        let command = Command(
            id: 12, action: "restart", type: "docker", target: "my-bot", agent: "bot", issuedAt: time, expiresIn: 900)
        let expected = """
            {"action":"restart","agent":"bot","expires_in":900,"id":12,"issued_at":"2026-11-23T21:16:00.120Z",\
            "target":"my-bot","type":"docker"}
            """
        #expect(try json(command) == expected)
        #expect(try again(command) == command)
    }

    @Test func answersHaveTheKeysOfTheProtocol() throws {
        #expect(
            try json(HeartbeatAnswer(agentID: 7, agent: "bot", status: .ok, warning: "loop_detected", reason: "r"))
                == #"{"agent":"bot","agent_id":7,"ok":true,"reason":"r","status":"ok","warning":"loop_detected"}"#)
        let batch = BatchAnswer(
            accepted: 1,
            results: [.init(agent: "a", ok: true, agentID: 7), .init(agent: nil, ok: false, error: "no agent")])
        #expect(
            try json(batch)
                == #"{"accepted":1,"ok":true,"results":[{"agent":"a","agent_id":7,"ok":true},{"error":"no agent","ok":false}]}"#
        )
        #expect(
            try json(APIError(detail: "no", errors: [.init(field: "agent", message: "too long")]))
                == #"{"detail":"no","errors":[{"field":"agent","message":"too long"}]}"#)
    }

    @Test func unknownFieldsAreIgnored() throws {
        let text = #"{"id": 1, "action": "stop", "type": "process", "target": "t", "colour": "red"}"#
        let command = try JSONDecoder().decode(Command.self, from: Data(text.utf8))
        #expect(command == Command(id: 1, action: "stop", type: "process", target: "t"))
    }

    @Test func thePathsAndHeadersAreThoseOfTheProtocol() {
        #expect(WirePath.heartbeat == "/api/v1/heartbeat")
        #expect(WirePath.batch == "/api/v1/heartbeat/batch")
        #expect(WirePath.commands == "/api/v1/commands")
        #expect(WirePath.result(of: 12) == "/api/v1/commands/12/result")
        #expect(WireHeader.apiKey == "X-API-Key")
        #expect(WireHeader.runnerID == "X-Runner-Id")
    }

    @Test(arguments: [
        (HeartbeatStatus.ok, "ok"), (.warning, "warning"), (.error, "error"), (.shutdown, "shutdown"),
    ])
    func aStatusIsWrittenAsTheProtocolSays(status: HeartbeatStatus, text: String) {
        #expect(status.rawValue == text)
        #expect(HeartbeatStatus(rawValue: text) == status)
    }

    // MARK: - Event kinds

    @Test func theKindsOfEventAreThoseOfTheProtocol() {
        #expect(
            HeartbeatEvent.Kind.allCases.map(\.rawValue) == [
                "started", "died", "exited", "unhealthy", "recovered", "stopped", "restarting", "restarted",
                "restart_failed", "crash_loop", "unknown", "missing", "paused", "resumed", "unwatched", "evidence",
            ])
    }

    @Test(arguments: HeartbeatEvent.Kind.allCases) func aKnownKindComesBackAsItself(kind: HeartbeatEvent.Kind) throws {
        #expect(HeartbeatEvent.Kind(rawValue: kind.rawValue) == kind)
        #expect(try again(HeartbeatEvent(kind: kind)).kind == kind)
    }

    @Test(arguments: ["", "DIED", "hibernated", "restart-failed", "other"])
    func aKindThatANewerPeerKnowsIsKept(name: String) throws {
        #expect(HeartbeatEvent.Kind(rawValue: name) == .other(name))
        #expect(try again(HeartbeatEvent(kind: .other(name))).kind == .other(name))
    }

    // MARK: - Words on the wire

    private let time = WireTime(millisecondsSince1970: 1_795_468_560_120)

    private func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private func again<Value: Codable>(_ value: Value) throws -> Value {
        try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value))
    }
}
