import NIOConcurrencyHelpers
import TestSupport

/// A program on the demo's stage, with what it said so far.
final class DemoProgram: Sendable {
    let name: String
    let process: ChildProcess
    private let said = NIOLockedValueBox<[String]>([])
    private let listening: Task<Void, Never>

    init(_ name: String, _ arguments: [String], environment: [String: String]) throws {
        self.name = name
        let process = try ChildProcess(arguments, environment: environment, output: .lines)
        self.process = process
        // Ends by itself with the program's output; `outputEnd` awaits it.
        listening = Task { [said] in
            for await line in process.lines {
                said.withLockedValue { lines in
                    lines.append(line)
                    // Enough to explain an end with.
                    if lines.count > 200 { lines.removeFirst() }
                }
            }
        }
    }

    var output: [String] { said.withLockedValue { $0 } }

    var hasEnded: Bool { process.hasEnded }

    /// Waits until everything it wrote is in ``output``.
    func outputEnd() async { await listening.value }
}
