import Supervision
import SystemSupport
import Testing

@Suite struct AlarmQueueTests {
    private var queue = AlarmQueue<String>()

    private func at(_ seconds: Int) -> BootInstant { BootInstant(sinceBoot: .seconds(seconds)) }

    @Test mutating func alarmsRingInTheOrderOfTheirTimesAndOfTheirSetting() {
        for (second, name) in [(3, "c"), (1, "a"), (3, "d"), (2, "b"), (9, "z")] { _ = queue.add(at: at(second), name) }
        #expect(queue.next == at(1))
        #expect(queue.takeDue(at: at(3)) == ["a", "b", "c", "d"])
        #expect(queue.takeDue(at: at(3)).isEmpty)
        #expect(queue.next == at(9))
    }

    @Test mutating func whatWasTakenBackDoesNotRingAndIsNotWaitedFor() {
        let first = queue.add(at: at(1), "a")
        let second = queue.add(at: at(2), "b")
        _ = queue.add(at: at(3), "c")
        #expect(queue.remove(second) == "b")
        #expect(queue.remove(second) == nil)
        #expect(queue.remove(first) == "a")
        #expect(queue.next == at(3))
        #expect(queue.takeDue(at: at(5)) == ["c"])
        #expect(queue.next == nil)
    }

    @Test mutating func whatRangCanNotBeTakenBack() {
        let id = queue.add(at: at(1), "a")
        #expect(queue.takeDue(at: at(1)) == ["a"])
        #expect(queue.remove(id) == nil)
    }

    /// Each request takes back the alarm of its time limit.
    @Test mutating func manyThatAreTakenBackAreForgotten() {
        _ = queue.add(at: at(1), "first")
        for second in 2...10_000 {
            let id = queue.add(at: at(second), "limit")
            #expect(queue.remove(id) == "limit")
        }
        #expect(queue.count == 1)
        #expect(queue.heldEntries < 100)
        #expect(queue.takeDue(at: at(20_000)) == ["first"])
    }
}
