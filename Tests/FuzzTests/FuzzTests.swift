import FuzzSupport
import Testing

/// A few inputs that nobody thought of for every parser; scripts/fuzz has millions.
@Suite struct FuzzTests {
    private static let count: UInt64 = 10_000

    @Test(arguments: FuzzedParser.all) func `What is real is read`(_ parser: FuzzedParser) throws {
        let inputs = try parser.realInputs()
        #expect(!inputs.isEmpty)
        for input in inputs where !parser.reads(input) {
            Issue.record("\(String(decoding: input, as: UTF8.self)) is refused")
        }
    }

    /// The same ones each time, and others each time.
    @Test(arguments: FuzzedParser.all, [1, UInt64.random(in: 0 ... .max)])
    func `No input ends a parser or makes it say what can't be`(_ parser: FuzzedParser, seed: UInt64) throws {
        let tally = try parser.run(0..<Self.count, seed: seed)
        #expect(tally.wrong == [], "scripts/fuzz --seed \(seed) has the same inputs")
        #expect(tally.read > 0, "nothing got through")
        #expect(tally.refused > 0 || "\(parser)" == "/proc/PID/cmdline")
    }

    @Test func `An input is known by its seed and number`() throws {
        let inputs = FuzzInputs(samples: [Array("one 1".utf8), Array("{two}".utf8)])
        let first = (0..<100).map { inputs.input($0, seed: 5) }
        #expect(first == (0..<100).map { inputs.input($0, seed: 5) })
        #expect(Set(first).count > 50)
        #expect(Set(first).intersection((0..<100).map { inputs.input($0, seed: 6_000) }).count < 50)
    }
}
