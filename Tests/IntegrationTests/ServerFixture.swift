import Foundation

/// The built server on a port and state directory of its own; killed when the test lets go of it.
final class ServerFixture {
    struct DidNotStart: Error {
        var output: String
    }

    let url: String
    let key: String
    let process = Process()

    init(stateDirectory: String, _ arguments: [String] = []) throws {
        process.executableURL = Self.products.appending(path: "clevagent-server")
        process.arguments = ["--listen", "127.0.0.1:0", "--state-dir", stateDirectory, "--rate-limit", "0"] + arguments
        process.standardOutput = FileHandle.nullDevice
        let log = Pipe()
        process.standardError = log
        try process.run()
        var told = ""
        while !told.contains("Listening\n") {
            let more = log.fileHandleForReading.availableData
            guard !more.isEmpty else { throw DidNotStart(output: told) }
            told += String(decoding: more, as: UTF8.self)
        }
        url = told.firstMatch(of: /url=(\S+)/).map { String($0.1) } ?? ""
        key = try String(contentsOfFile: stateDirectory + "/api-key", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    deinit { kill() }

    /// SIGKILL, as a power cut would; returns when it is gone.
    func kill() {
        guard process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Where SwiftPM put the programs that this test was built with.
    private static var products: URL {
        URL(filePath: CommandLine.arguments.first ?? "").deletingLastPathComponent()
    }
}
