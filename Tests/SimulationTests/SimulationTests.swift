import Foundation
import Testing

/// The simulation is a program of its own: it takes all tasks of its process onto one thread.
@Suite struct SimulationTests {
    @Test func noPromiseIsBrokenInAnyOfTheseWorlds() throws {
        let told = try Self.simulate("--seeds", "1-40")
        #expect(told.status == 0, "\(told.output.suffix(8000))")
    }

    @Test func theSameSeedIsTheSameWorld() throws {
        let told = try Self.simulate("--seed", "7", "--twice")
        #expect(told.status == 0, "\(told.output.suffix(8000))")
        #expect(try told.output.contains("trace") && told.output == Self.simulate("--seed", "7", "--twice").output)
    }

    /// Seeds that found bugs once (docs/found-bugs.md).
    @Test(arguments: [7, 9, 112, 118]) func aBugThatWasFoundStaysMended(seed: Int) throws {
        let told = try Self.simulate("--seed", "\(seed)")
        #expect(told.status == 0, "\(told.output.suffix(8000))")
    }

    private static func simulate(_ arguments: String...) throws -> (status: Int32, output: String) {
        let process = Process()
        // Beside the tests, where the build has put it.
        process.executableURL = Bundle.main.executableURL?.deletingLastPathComponent()
            .appending(path: "clevagent-simulation")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
        // How long it took is not the world's business.
        return (process.terminationStatus, lines.filter { !$0.contains(" seeds from ") }.joined(separator: "\n"))
    }
}
