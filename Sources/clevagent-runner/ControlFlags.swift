import ArgumentParser
import ControlSocket
import FoundationEssentials
import NIOPosix
import RunnerKit
import SystemPackage
import SystemSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Which runner of this host is asked.
struct ControlFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The runner's control socket (default: the service's, /run/clevagent-runner/control.sock, else that of a runner of your own).",
            valueName: "path"))
    var controlSocket: String?

    /// Does something with the runner that is meant, and ends the program by how that went.
    func with(_ work: @escaping @Sendable (ControlClient) async throws -> Void) throws {
        Host.ignoreSignals()
        let path = try path()
        try Host.run { group, _, _ in
            let client = ControlClient(path, group: group)
            do {
                try await work(client)
                await client.close()
            } catch {
                await client.close()
                throw Self.complain(error)
            }
        }
    }

    private func path() throws -> FilePath {
        let given = controlSocket ?? Host.environment["CLEVAGENT_CONTROL_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        if let given {
            guard given.hasPrefix("/") else {
                Host.complain("--control-socket '\(given)': must be an absolute path")
                throw ExitCode(64)
            }
            return FilePath(given)
        }
        let candidates = ControlSocketPlace.candidates(Host.environment, user: Host.user)
        guard let found = candidates.first(where: { access($0.string, F_OK) == 0 }) ?? candidates.first else {
            throw ExitCode(69)
        }
        return found
    }

    /// One line, and the exit status for it (sysexits.h).
    private static func complain(_ error: any Error) -> ExitCode {
        switch error {
        case let exit as ExitCode: return exit
        case let refusal as ControlClient.Refusal:
            for line in refusal.description.split(separator: "\n") { Host.complain(String(line)) }
            return ExitCode(refusal.status == 400 ? 64 : refusal.status == 403 ? 77 : 1)
        case let unreachable as ControlClient.Unreachable:
            Host.complain(unreachable.description)
            return ExitCode(69)
        case is BrokenPipe: return ExitCode(0)
        default:
            Host.complain("\(error)")
            return ExitCode(1)
        }
    }

    private struct BrokenPipe: Error {}

    /// Writes a line for whoever reads; one who is gone ends the program.
    static func write(_ line: String, terminator: String = "\n") throws {
        do {
            _ = try FileDescriptor.standardOutput.writeAll("\(line)\(terminator)".utf8)
        } catch Errno.brokenPipe {
            throw BrokenPipe()
        } catch {
            Host.complain("this can't be written to standard output: \(error)")
            throw ExitCode(74)
        }
    }

    private struct Outcome: Decodable {
        var message: String?
    }

    /// Writes what came of an act.
    static func writeOutcome(_ answer: [UInt8]) throws { try write(try decode(Outcome.self, answer).message ?? "done") }

    static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw ControlClient.Unreachable(description: "the runner's answer can't be read: is it of another version?")
        }
    }
}
