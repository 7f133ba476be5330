import DockerWatcher
import Supervision
import Testing

@Suite struct DockerParsingTests {
    private static let id = "1267952c5fdb3a627144d4b29bb84548870a0951d2ebfa7867f9dc320adde0bf"

    /// As Docker 20.10.24 wrote it.
    private static func line(_ action: String, _ attributes: String = "") -> String {
        #"{"status":"\#(action)","id":"\#(id)","from":"test/busybox:1","Type":"container","Action":"\#(action)","#
            + #""Actor":{"ID":"\#(id)","Attributes":{"image":"test/busybox:1","name":"bot"\#(attributes)}},"#
            + #""scope":"local","time":1795561929,"timeNano":1795561929722406724}"#
    }

    @Test(arguments: [
        ("die", #","exitCode":"137""#, DockerEvent.Action.died(exitCode: 137)),
        ("die", "", .died(exitCode: nil)),
        ("die", #","exitCode":"99999999999""#, .died(exitCode: nil)),
        ("kill", #","signal":"15""#, .killed(signal: 15)),
        ("kill", #","signal":15"#, .killed(signal: 15)),
        ("oom", "", .outOfMemory),
        ("start", "", .changed), ("create", "", .changed), ("destroy", "", .removed), ("pause", "", .changed),
        ("stop", "", .stopped), ("rename", #","oldName":"/x""#, .renamed), ("unpause", "", .changed),
        ("update", "", .changed), ("health_status: unhealthy", "", .changed),
    ]) func `An event of a container's life is read`(action: String, attributes: String, read: DockerEvent.Action)
        throws
    {
        let event = try #require(DockerEvent(parsing: Array(Self.line(action, attributes).utf8)))
        #expect(event.action == read)
        #expect(event.container == Self.id)
        #expect(event.name == "bot")
        #expect(event.at?.nanosecondsSince1970 == 1_795_561_929_722_406_724)
    }

    @Test(arguments: [
        "exec_create: sh -c true", "exec_start: die", "exec_die", "attach", "top", "resize", "commit", "", "DIE",
        "dies",
    ]) func `What says nothing of a life is left out`(action: String) {
        #expect(DockerEvent(parsing: Array(Self.line(action).utf8)) == nil)
    }

    @Test func `Events of images and networks are left out`() {
        let line = Self.line("die").replacing(#""Type":"container""#, with: #""Type":"network""#)
        #expect(DockerEvent(parsing: Array(line.utf8)) == nil)
    }

    @Test func `A rename tells the former name without its slash`() throws {
        let event = try #require(DockerEvent(parsing: Array(Self.line("rename", #","oldName":"/trader""#).utf8)))
        #expect(event.formerName == "trader")
    }

    /// As podman 4.3 writes it.
    @Test func `Events of podman are read, too`() throws {
        let line =
            #"{"ContainerExitCode":3,"ID":"\#(Self.id)","Image":"localhost/b:1","Name":"bot","Status":"died","#
            + #""Time":"2026-11-24T10:05:00.123456789+01:00","Type":"container","Attributes":null}"#
        let event = try #require(DockerEvent(parsing: Array(line.utf8)))
        #expect(event.action == .died(exitCode: 3))
        #expect(event.name == "bot")
        #expect(event.at == EngineTime(rfc3339: "2026-11-24T09:05:00.123456789Z"))
    }

    @Test(arguments: [
        "", "{", "json", "null", "[]", "\"die\"", "{}", #"{"Type":"container"}"#, #"{"Type":5,"Action":{"a":[]}}"#,
        String(repeating: "[", count: 100_000), "\u{0}\u{1}\u{7f}",
    ]) func `What is no event is none`(text: String) {
        #expect(DockerEvent(parsing: Array(text.utf8)) == nil)
        #expect(ContainerFacts(parsing: Array(text.utf8)) == nil)
    }

    @Test func `What inspect tells is read`() throws {
        var json = InspectedJSON()
        json.health = "unhealthy"
        json.policy = "on-failure"
        json.stopSignal = "SIGQUIT"
        json.stopTimeout = 30
        let facts = try #require(json.facts)
        #expect(facts.name == "bot")
        #expect(facts.status == .running)
        #expect(facts.pid == 4711)
        #expect(facts.health == "unhealthy")
        #expect(facts.healthOutput == "no answer\n")
        #expect(facts.restartPolicy == "on-failure")
        #expect(facts.stopSignal == 3)
        #expect(facts.stopTimeout == .seconds(30))
        #expect(facts.startedAt?.nanosecondsSince1970 == 1_795_514_400_500_000_000)
        #expect(facts.finishedAt == nil)
        #expect(facts.identity?.token == "\(facts.id)@1795514400500000000")
    }

    @Test(
        arguments: [
            (nil, 15), ("SIGTERM", 15), ("term", 15), ("15", 15), ("SIGINT", 2), ("SIGRTMIN+3", 37), ("RTMAX-1", 63),
            ("SIGRTMIN+99", 15), ("nonsense", 15),
        ] as [(String?, Int32)]) func `Stop signals are known by name and number`(text: String?, number: Int32)
    {
        var json = InspectedJSON()
        json.stopSignal = text
        #expect(json.facts?.stopSignal == number)
    }

    @Test(
        arguments: [
            ("2026-11-24T10:00:00Z", 1_795_514_400_000_000_000),
            ("2026-11-24T10:00:00.000000001Z", 1_795_514_400_000_000_001),
            ("2026-11-24T10:00:00.12Z", 1_795_514_400_120_000_000),
            ("2026-11-24T10:00:00.1234567899Z", 1_795_514_400_123_456_789),
            ("0001-01-01T00:00:00Z", nil), ("", nil), ("yesterday", nil),
        ] as [(String, Int64?)]) func `Times are read to the nanosecond`(text: String, nanoseconds: Int64?)
    {
        #expect(EngineTime(rfc3339: text)?.nanosecondsSince1970 == nanoseconds)
    }
}
