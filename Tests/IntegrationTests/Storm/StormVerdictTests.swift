import Testing
import WireProtocol

/// What a storm calls a fault, from records made by hand.
@Suite struct StormVerdictTests {
    private static let target = StormTarget(name: "bot", place: .outside, kind: .pidFile, user: 0, grace: .zero)

    @Test func aDeathThatIsMadeUpForAndToldIsNone() {
        let verdict = judge(
            [began(1, 10), ended(1, 20_000), began(2, 20_100)],
            [told(.died, 1), told(.restarting, nil), told(.started, 2), told(.restarted, 2)])
        #expect(verdict.faults.isEmpty)
        #expect(verdict.longestGap == .milliseconds(100))
        #expect(verdict.deaths == 1)
    }

    @Test func aCopyBesideAnotherIs() {
        let verdict = judge([began(1, 10), began(2, 20), ended(1, 20_000), ended(2, 20_000)])
        #expect(verdict.overlaps == 1)
    }

    @Test func theKernelMayTellAnEndALittleLate() {
        let verdict = judge([began(1, 10), began(2, 20), ended(1, 25)], [told(.died, 1), told(.started, 2)])
        #expect(verdict.overlaps == 0)
    }

    @Test func aCopyThatMetAnotherIs() {
        #expect(judge([began(1, 10)], claim: "2\n").overlaps == 1)
    }

    @Test func aGapThatThePolicyForbidsIs() {
        let late = 20_000 + StormPolicy.allowance.inSeconds * 1000 + 100
        let verdict = judge([began(1, 10), ended(1, 20_000), began(2, Int(late))])
        #expect(verdict.faults.contains { $0.contains("none ran for") })
    }

    @Test func whatIsDownInTheEndIs() {
        let verdict = judge([began(1, 10), ended(1, 20_000)], [told(.died, 1)])
        #expect(verdict.faults == ["none runs in the end"])
    }

    @Test(arguments: wrongEnds) func aDeathThatIsNotToldOnceIs(heartbeats: [Heartbeat]) {
        let rest = [told(.started, 2), told(.restarted, 2)]
        #expect(judge([began(1, 10), ended(1, 20_000), began(2, 20_100)], heartbeats + rest).faults.count == 1)
    }

    @Test func aDaemonIsKnownByItsChildWhenItsParentIsGone() {
        var record = StormRecord([Self.target])
        _ = record.take(.init(time: .zero, pid: 1, event: .executed(inner: 1, arguments: [""])))
        let fork = ProcessRecorder.Entry.Event.forked(inner: 2, parent: 1, arguments: Self.arguments)
        #expect(
            record.take(.init(time: .seconds(1), pid: 2, event: fork)) == .joined(target: "bot", life: 0, pid: 2))
        #expect(record.lives["bot"]?.first?.began == .zero)
        #expect(record.isEachUp)
    }

    // MARK: Records

    private static let arguments = ["/x/test-target", "run", "--name", "bot"]

    private func judge(
        _ entries: [ProcessRecorder.Entry], _ heartbeats: [Heartbeat] = [], claim: String = ""
    ) -> StormVerdict {
        var record = StormRecord([Self.target])
        for entry in entries { _ = record.take(entry) }
        let numbered = heartbeats.enumerated().map { index, heartbeat in
            var heartbeat = heartbeat
            heartbeat.seq = Int64(index)
            heartbeat.eventID = "\(index)"
            return heartbeat
        }
        return StormVerdict(Self.target, record, claim: claim, numbered)
    }

    private func began(_ pid: Int32, _ milliseconds: Int) -> ProcessRecorder.Entry {
        .init(
            time: .milliseconds(milliseconds), pid: pid, event: .executed(inner: pid, arguments: Self.arguments))
    }

    private func ended(_ pid: Int32, _ milliseconds: Int) -> ProcessRecorder.Entry {
        .init(time: .milliseconds(milliseconds), pid: pid, event: .exited(status: 9))
    }
}

private func told(_ kind: HeartbeatEvent.Kind, _ pid: Int?) -> Heartbeat {
    Heartbeat(agent: "bot", status: .warning, event: HeartbeatEvent(kind: kind, pid: pid))
}

/// What is told of one death otherwise than once.
private let wrongEnds: [[Heartbeat]] = [[], [told(.died, 2)], [told(.died, 1), told(.died, 1)]]
