import Supervision
import SystemSupport
import Testing

@Suite struct OutputPaceTests {
    private let start = BootInstant(sinceBoot: .seconds(1000))
    private func after(_ milliseconds: Int64) -> BootInstant { start.advanced(by: .milliseconds(milliseconds)) }

    @Test func whatTakesMoreThanATenthOfASecondWaitsForTheNext() {
        var pace = OutputPace()
        #expect(pace.spend(from: start, to: after(40)) == nil)
        #expect(pace.spend(from: after(500), to: after(559)) == nil)
        #expect(pace.spend(from: after(700), to: after(701)) == after(1000))
        // Whoever goes on all the same waits as long.
        #expect(pace.spend(from: after(800), to: after(801)) == after(1000))
        #expect(pace.spend(from: after(1000), to: after(1099)) == nil)
        // Work that took longer than the second.
        #expect(pace.spend(from: after(1900), to: after(2500)) == after(2500))
        #expect(pace.spend(from: after(2500), to: after(2599)) == nil)
        #expect(pace.spend(from: after(9000), to: after(9099)) == nil)
    }
}
