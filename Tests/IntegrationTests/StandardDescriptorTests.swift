import FoundationEssentials
import SystemPackage
import SystemSupport
import TestSupport
import Testing

/// Programs whose parent has closed standard descriptors, as supervisors of the daemontools family may.
@Suite(.timeLimit(.minutes(1))) struct StandardDescriptorTests {
    @Test func theRunnerOpensNothingIntoThem() async throws {
        try await withAgentDirectory { agents in
            try await agents.start("bot")
            try await withStubServer { stub in
                let runner = try startClosed([
                    BuiltProgram.runner.path, "--endpoint", stub.endpoint, "--state-dir", agents.path + "/state",
                    "--api-key", "cv_test", "--watch", "process:" + agents.pidFile(of: "bot"),
                ])
                _ = try await stub.request(.batch)
                #expect(standardDescriptors(of: runner) == ["/dev/null", "/dev/null", "/dev/null"])
                #expect(await runner.end() == 0)
            }
        }
    }

    @Test func theServerOpensNothingIntoThem() async throws {
        try await withAgentDirectory { agents in
            let state = agents.path + "/state"
            // There before the server, so that the watch begins where the file will be.
            try FileManager.default.createDirectory(
                atPath: state, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            let (hints, continuation) = AsyncStream.makeStream(of: Void.self)
            let events = try DirectoryEvents(on: EventLoop())
            let watch = events.watch(FilePath(state + "/api-key")) { _ in continuation.yield() }
            let server = try startClosed([
                BuiltProgram.server.path, "--listen", "127.0.0.1:0", "--state-dir", state,
            ])
            // The key's file is made after the store was opened.
            for await _ in hints where FileManager.default.fileExists(atPath: state + "/api-key") { break }
            watch.cancel()
            #expect(standardDescriptors(of: server) == ["/dev/null", "/dev/null", "/dev/null"])
            // It may not serve yet, so it need not end in good order.
            await server.end()
        }
    }

    /// A shell closes them and becomes the program.
    private func startClosed(_ command: [String]) throws -> ChildProcess {
        try ChildProcess(
            ["/bin/sh", "-c", #"exec "$@" <&- >&- 2>&-"#, "sh"] + command, environment: AgentDirectory.environment)
    }

    private func standardDescriptors(of process: ChildProcess) -> [String?] {
        (0...2).map { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process.id)/fd/\($0)") }
    }
}
