import Foundation
import RunnerKit
import Testing
import WireProtocol

@Suite struct OperatorTextTests {
    @Test(arguments: [("90", 90.0), ("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2d", 172_800), ("1", 1)])
    func aTimeIsANumberAndAUnit(_ text: String, _ seconds: Double) {
        #expect(OperatorTime(text)?.seconds == seconds)
    }

    @Test(arguments: ["", "m", "0", "-5m", "1e3", "5 m", "5min", "inf", "nan", "400d", "٣m", "1_000", "0x10", "."])
    func anythingElseIsNone(_ text: String) {
        #expect(OperatorTime(text) == nil)
    }

    @Test func aTableHasColumnsAndMovesNoCursor() {
        #expect(TextTable.lines([["A", "B"], ["a\u{1B}[2J", "é"], ["", ""]]) == ["A      B", "a?[2J  é", ""])
    }
}
