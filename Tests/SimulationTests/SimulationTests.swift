import TestSupport
import Testing

/// The simulation is a program of its own: it takes all tasks of its process onto one thread.
@Suite struct SimulationTests {
    /// All seeds that found bugs once are among them (docs/found-bugs.md).
    @Test func noPromiseIsBrokenInAnyOfTheseWorlds() async throws {
        async let first = Self.simulate("--seeds", "1-250")
        async let second = Self.simulate("--seeds", "251-500")
        for told in try await [first, second] { #expect(told.status == 0, "\(told.output.suffix(8000))") }
    }

    @Test func theSameSeedIsTheSameWorld() async throws {
        let told = try await Self.simulate("--seed", "7", "--twice")
        #expect(told.status == 0, "\(told.output.suffix(8000))")
        #expect(told.output.contains("trace"))
        #expect(try await Self.simulate("--seed", "7", "--twice").output == told.output)
    }

    private static func simulate(_ arguments: String...) async throws -> (status: Int32, output: String) {
        let program = try ChildProcess([BuiltProgram.simulation.path] + arguments, output: .lines)
        var lines: [String] = []
        // How long it took is not the world's business.
        for await line in program.lines where !line.contains(" seeds from ") { lines.append(line) }
        return (await program.ended(), lines.joined(separator: "\n"))
    }
}
