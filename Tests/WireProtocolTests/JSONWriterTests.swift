import FoundationEssentials
import Testing
import WireProtocol

/// What is written by hand says the same as what `Codable` writes.
@Suite struct JSONWriterTests {
    private static let time = WireTime(millisecondsSince1970: 1_795_468_560_120)

    @Test(arguments: [
        Heartbeat(agent: "bot", status: .ok),
        Heartbeat(agent: "", status: .shutdown, message: ""),
        Heartbeat(
            agent: "bot", status: .warning, message: "m", memoryMB: 81.5, agentType: "claude", restartType: "process",
            restartTarget: "/run/bot.pid", interval: 30, observedAt: time, sentAt: time, seq: .max, eventID: "r:7",
            event: HeartbeatEvent(
                kind: .crashLoop, exitCode: -1, signal: 9, oom: true, pid: 42, attempt: 3, nextAttemptIn: 2.5)),
        Heartbeat(
            agent: "bot", status: .error, memoryMB: 0, interval: 0.1, seq: .min, event: .init(kind: .died, oom: false)),
        Heartbeat(
            agent: "bot", status: .error, memoryMB: 1e300, interval: 123_456_789_012_345_680,
            event: .init(kind: .other("neu\n"))),
    ])
    func aHeartbeatIsReadAsItWas(_ heartbeat: Heartbeat) throws {
        #expect(try again(heartbeat) == heartbeat)
        #expect(try members(heartbeat.jsonBytes()) == members(JSONEncoder().encode(heartbeat)))
    }

    @Test(arguments: [0, 1, 3])
    func aBatchIsReadAsItWas(_ count: Int) throws {
        let batch = HeartbeatBatch(
            heartbeats: (0..<count).map {
                Heartbeat(agent: "bot-\($0)", status: .ok, event: HeartbeatEvent(kind: .started, pid: $0))
            }, sentAt: Self.time,
            runner: RunnerInfo(
                id: "r", hostname: "web-1", version: "0.1.0", bootID: "b", state: .stopping, reason: "told to"))
        #expect(try again(batch) == batch)
        #expect(try members(batch.jsonBytes()) == members(JSONEncoder().encode(batch)))
    }

    @Test func everyCharacterComesThrough() throws {
        let low = String(String.UnicodeScalarView((0...0x2ff).compactMap(Unicode.Scalar.init)))
        let others = "\u{2028}\u{2029}\u{feff}\u{fffd}\u{10ffff} 🤖 e\u{301}"
        let heartbeat = Heartbeat(agent: low, status: .ok, message: others, restartTarget: #"\"/\u0000"#)
        #expect(try again(heartbeat) == heartbeat)
    }

    @Test func whatIsNoNumberIsLeftOut() throws {
        let heartbeat = Heartbeat(agent: "bot", status: .ok, memoryMB: .nan, interval: .infinity)
        #expect(try again(heartbeat) == Heartbeat(agent: "bot", status: .ok))
    }

    private func again<Value: JSONWritable & Decodable>(_ value: Value) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(value.jsonBytes()))
    }

    /// The names of the members, of objects inside too.
    private func members(_ json: some Sequence<UInt8>) throws -> [String] {
        try JSONDecoder().decode(AnyMembers.self, from: Data(json)).names.sorted()
    }
}

/// The names of all members of a JSON value, and of those inside them.
private struct AnyMembers: Decodable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    var names: [String] = []

    init(from decoder: any Decoder) throws {
        if let object = try? decoder.container(keyedBy: Key.self) {
            for key in object.allKeys {
                names.append(key.stringValue)
                names += try object.decode(AnyMembers.self, forKey: key).names.map { "\(key.stringValue).\($0)" }
            }
        } else if var array = try? decoder.unkeyedContainer() {
            while !array.isAtEnd { names += try array.decode(AnyMembers.self).names }
        }
    }
}
