import FoundationEssentials

/// What a program did until its end: the trace that `Tests/Fixtures/crash-points` writes.
struct CrashTrace: Sendable {
    struct Step: Sendable, Hashable {
        /// 0 before counting began.
        var number: Int
        var call: String
        var offset: Int
        var path: String
        var bytes: ArraySlice<UInt8>

        var text: String { String(decoding: bytes, as: UTF8.self) }

        /// Whether it is a write that can be cut short.
        var canBeHalved: Bool { ["write", "writev", "pwrite", "send", "sendmsg"].contains(call) && bytes.count > 1 }
    }

    /// In order; the last one may be the end.
    var steps: [Step] = []

    init(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let words = rest[..<newline].split(separator: UInt8(ascii: " "), maxSplits: 4)
                .map { String(decoding: $0, as: UTF8.self) }
            rest = rest[rest.index(after: newline)...]
            guard words.count == 5, let number = Int(words[0]), let offset = Int(words[2]), let length = Int(words[3]),
                length <= rest.count
            else { throw CrashTraceError(words: words) }
            let bytes = rest.prefix(length)
            rest = rest.dropFirst(length)
            steps.append(Step(number: number, call: words[1], offset: offset, path: words[4], bytes: bytes))
        }
    }

    /// Where it ended by itself; nil when somebody else ended it.
    var end: CrashPoint? {
        guard let step = steps.last(where: { $0.call.hasPrefix("end-") }),
            let moment = CrashPoint.Moment(rawValue: String(step.call.dropFirst("end-".count)))
        else { return nil }
        return CrashPoint(step: step.number, moment: moment)
    }

    /// How many of these came to pass, one after the other, once counting had begun.
    func reached(_ milestones: [(Step) -> Bool]) -> Int {
        var count = 0
        for step in steps where step.number > 0 {
            if count < milestones.count, milestones[count](step) { count += 1 }
        }
        return count
    }
}

struct CrashTraceError: Error, CustomStringConvertible {
    var words: [String]
    var description: String { "not a line of a trace: \(words)" }
}
