import ArgumentParser
import FuzzSupport
import SystemPackage

/// Gives made-up inputs to every parser, millions if that is wanted.
///
/// An input that ends the program is found with `--tell`, from the last number that was printed.
@main struct ParserFuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parser-fuzz", abstract: "Give made-up inputs to the parsers.")

    @Argument(help: "Which parsers; all if none is named.") var parsers: [String] = []
    @Option(help: "How many inputs each.") var inputs: UInt64 = 5_000_000
    @Option(help: "Of an earlier run, for the same inputs.") var seed: UInt64 = .random(in: 0 ... .max)
    @Option(help: "The number of the first input.") var from: UInt64 = 0
    @Flag(help: "Print the number of each input before it is parsed.") var tell = false

    private static let step: UInt64 = 250_000

    func validate() throws {
        let known = FuzzedParser.all.map(\.description)
        for name in parsers where !known.contains(name) {
            throw ValidationError("There is no parser '\(name)': there are \(known.joined(separator: ", ")).")
        }
    }

    func run() throws {
        write("seed \(seed)\n", to: .standardOutput)
        var isFine = true
        for parser in FuzzedParser.all where parsers.isEmpty || parsers.contains("\(parser)") {
            let tally = try run(parser)
            isFine = isFine && tally.wrong.isEmpty
        }
        guard isFine else { throw ExitCode.failure }
    }

    private func run(_ parser: FuzzedParser) throws -> FuzzedParser.Tally {
        let clock = ContinuousClock()
        let begin = clock.now
        var total = FuzzedParser.Tally()
        for first in stride(from: from, to: from + inputs, by: UInt64.Stride(Self.step)) {
            write("\(parser): \(first)\n")
            let numbers = first..<min(first + Self.step, from + inputs)
            let tally = try parser.run(numbers, seed: seed) { if tell { write("\($0)\n") } }
            total.read += tally.read
            total.refused += tally.refused
            total.wrong += tally.wrong
        }
        let seconds = (clock.now - begin) / .seconds(1)
        write(
            "\(parser): \(inputs) inputs in \(Int(seconds)) s: \(total.read) read, \(total.refused) refused, "
                + "\(total.wrong.count) wrong \(total.wrong.prefix(10))\n",
            to: .standardOutput)
        return total
    }

    /// At once: the next input may be the last.
    private func write(_ line: String, to output: FileDescriptor = .standardError) {
        _ = try? output.writeAll(line.utf8)
    }
}
