import ArgumentParser
import FoundationEssentials
import NIOCore
import ServerDomain
import StoreSQLite

/// Says what went wrong in plain lines on standard error, and chooses the exit code.
enum Failure {
    /// sysexits.h: the command was used wrongly.
    static let usage = ExitCode(64)
    /// sysexits.h: something it was configured with cannot be used.
    static let configuration = ExitCode(78)

    /// Something that ends the program with one line.
    struct Line: Error {
        var text: String
        var exitCode = Failure.configuration
    }

    /// Prints every problem.
    static func report(_ problems: [ConfigurationReader.Problem]) -> ExitCode {
        for problem in problems { print(error: problem.line) }
        return problems.contains(where: \.isFlag) ? usage : configuration
    }

    /// Prints what the parser says of a command line that can't be read: a sentence in its first line, which may hold
    /// anything and is to move no cursor.
    static func reportMisreading(_ message: String) {
        let line = message.prefix { !$0.isNewline }
        let shown = line.prefix(200).unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }
        let words = String(String.UnicodeScalarView(shown)) + (line.count > 200 ? "…" : "")
        print(error: "\(words.prefix(1).lowercased())\(words.dropFirst()); see clevagent-server --help")
    }

    /// Runs something and turns every expected error into its line and code.
    static func catching(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let code as ExitCode {
            throw code
        } catch let line as Line {
            print(error: line.text)
            throw line.exitCode
        } catch let error as StoreError {
            print(error: error.description)
            throw configuration
        } catch let error as IOError {
            print(error: error.description)
            throw configuration
        } catch {
            print(error: "unexpected: \(error)")
            throw ExitCode(70)
        }
    }

    private static func print(error line: String) {
        StandardStream.error("clevagent-server: \(line)")
    }
}
