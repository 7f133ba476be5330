import ServerDomain
import Testing
import WireProtocol

@Suite struct HeartbeatInputTests {
    @Test(
        arguments: [
            (#"{}"#, ["agent"]), (#"{"agent": null}"#, ["agent"]), (#"{"agent": 7}"#, ["agent"]),
            (#"{"agent": ""}"#, ["agent"]), (#"{"agent": "a\nb"}"#, ["agent"]), (#"{"agent": "a\u0000"}"#, ["agent"]),
            (#"{"agent": "a\u0085"}"#, ["agent"]), (#"{"agent": "a", "status": "fine"}"#, ["status"]),
            (#"{"agent": "a", "status": 1}"#, ["status"]), (#"{"agent": "a", "message": []}"#, ["message"]),
            (#"{"agent": "a", "tokens_used": -1}"#, ["tokens_used"]),
            (#"{"agent": "a", "tokens_used": 1.5}"#, ["tokens_used"]),
            (#"{"agent": "a", "tokens_used": true}"#, ["tokens_used"]),
            (#"{"agent": "a", "tokens_used": 99999999999999999999}"#, ["tokens_used"]),
            (#"{"agent": "a", "cost_usd": -0.1}"#, ["cost_usd"]), (#"{"agent": "a", "cost_usd": "1"}"#, ["cost_usd"]),
            (#"{"agent": "a", "memory_mb": 1e999}"#, ["memory_mb"]), (#"{"agent": "a", "interval": 0}"#, ["interval"]),
            (#"{"agent": "a", "interval": -5}"#, ["interval"]),
            (#"{"agent": "a", "observed_at": "today"}"#, ["observed_at"]),
            (#"{"agent": "a", "seq": -1}"#, ["seq"]), (#"{"agent": "a", "event_id": ""}"#, ["event_id"]),
            (#"{"agent": "a", "event": "died"}"#, ["event"]), (#"{"agent": "a", "event": {}}"#, ["event"]),
            (#"{"agent": "a", "tool_call_log": {}}"#, ["tool_call_log"]),
            (#"{"agent": "a", "prompt_hashes": [1]}"#, ["prompt_hashes"]),
            (#"{"agent": "a", "custom_data": 5}"#, ["custom_data"]), (#"[]"#, ["heartbeat"]), (#""x""#, ["heartbeat"]),
            (
                #"{"status": "x", "tokens_used": "y", "cost_usd": [], "seq": {}}"#,
                ["agent", "status", "tokens_used", "cost_usd", "seq"]
            ),
        ] as [(String, [String])])
    func `Every wrong field is told`(json: String, fields: [String]) throws {
        let input = try HeartbeatInput.read(json)
        guard case .failure(let refusal) = input.result else {
            Issue.record("must be refused")
            return
        }
        #expect(refusal.fields.map(\.field) == fields)
        #expect(refusal.fields.allSatisfy { !$0.message.isEmpty })
    }

    @Test(arguments: [
        #"{"agent": "a"}"#, #"{"agent": "a", "new_field": {"x": [1]}, "status": null}"#,
        #"{"agent": "a", "tokens_used": 12.0}"#, #"{"agent": "ä 😀"}"#,
        #"{"agent": "a", "event": {"kind": "brand_new", "exit_code": "one"}}"#,
        #"{"agent": "a", "custom_data": "{\"k\": 1}"}"#, #"{"agent": "a", "custom_data": {"k": [null, true, 1.5]}}"#,
    ])
    func `What is right or merely unknown is taken`(json: String) throws {
        #expect(throws: Never.self) { try HeartbeatInput.read(json).result.get() }
    }

    @Test func `Names have up to 200 characters`() throws {
        let longest = String(repeating: "ä", count: 200)
        #expect(try HeartbeatInput.read(#"{"agent": "\#(longest)"}"#).result.get().agent == longest)
        #expect(throws: HeartbeatInput.Refusal.self) {
            try HeartbeatInput.read(#"{"agent": "\#(longest)x"}"#).result.get()
        }
    }

    @Test func `Long text is cut to what is kept`() throws {
        let text = String(repeating: "m", count: 5000)
        let report = try HeartbeatInput.read(#"{"agent": "a", "message": "\#(text)"}"#).result.get()
        #expect(report.message?.count == 2000)
        let log = Array(repeating: #"{"name": "t"}"#, count: 30).joined(separator: ",")
        let extra = try HeartbeatInput.read(#"{"agent": "a", "tool_call_log": [\#(log)]}"#).result.get().extra
        #expect(extra?.split(separator: "name").count == 21)
    }

    @Test func `A bad item costs its neighbours nothing`() throws {
        let batch = try BatchInput.read(#"{"heartbeats": [{"agent": "a"}, 5, {"agent": ""}, null, {"agent": "b"}]}"#)
        #expect(batch.errors.isEmpty)
        #expect(batch.heartbeats.map { (try? $0.result.get())?.agent } == ["a", nil, nil, nil, "b"])
    }

    @Test(
        arguments: [
            (#"[{"agent": "a"}]"#, 1, []), (#"{"heartbeats": [], "runner": {"id": "r1", "state": "stopping"}}"#, 0, []),
            (#"{"heartbeats": []}"#, 0, ["heartbeats"]), (#"{}"#, 0, ["heartbeats"]), (#""x""#, 0, ["body"]),
            (#"{"heartbeats": {}}"#, 0, ["heartbeats"]), (#"[]"#, 0, ["heartbeats"]),
            (#"{"heartbeats": [{"agent": "a"}], "sent_at": 5, "runner": []}"#, 1, ["sent_at", "runner"]),
            (#"{"heartbeats": [], "runner": {"id": "r 1", "state": "dancing"}}"#, 0, ["runner.id", "runner.state"]),
        ] as [(String, Int, [String])])
    func `The batch as a whole is judged too`(json: String, count: Int, errors: [String]) throws {
        let batch = try BatchInput.read(json)
        #expect(batch.heartbeats.count == count)
        #expect(batch.errors.map(\.field) == errors)
    }

    @Test func `More than 100 items are refused`() throws {
        let items = Array(repeating: #"{"agent": "a"}"#, count: 101).joined(separator: ",")
        #expect(try BatchInput.read("[\(items)]").errors.map(\.field) == ["heartbeats"])
    }
}
