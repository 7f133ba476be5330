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

    /// The same on a disk that does not do what is waited for, although it says so.
    var withoutWaits: CrashTrace {
        var copy = self
        copy.steps.removeAll { $0.call == "fdatasync" }
        return copy
    }

    /// The step at which it ended.
    var lastStep: Step? {
        guard var step = steps.last(where: { $0.call.hasPrefix("end-") }) else { return nil }
        step.call = step.text
        return step
    }

    /// How many of these came to pass, one after the other, once counting had begun.
    func reached(_ milestones: [(Step) -> Bool]) -> Int {
        phases(milestones).last.map { $0.phase } ?? 0
    }

    /// The steps that are counted, each with how many of these had come to pass when it was over.
    func phases(_ milestones: [(Step) -> Bool]) -> [(step: Step, phase: Int)] {
        var phase = 0
        return steps.filter { $0.number > 0 }.map { step in
            if phase < milestones.count, milestones[phase](step) { phase += 1 }
            return (step, phase)
        }
    }
}

struct CrashTraceError: Error, CustomStringConvertible {
    var words: [String]
    var description: String { "not a line of a trace: \(words)" }
}
