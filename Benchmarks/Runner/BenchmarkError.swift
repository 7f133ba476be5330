/// Says what kept the benchmark from measuring.
enum BenchmarkError: Error, CustomStringConvertible {
    case notReady(String, log: String)
    case agentDidNotStart(String)
    case interrupted
    case runnerEnded
    case cannotWrite(String)
    case cannotRead(String)

    var description: String {
        switch self {
        case .notReady(let what, let log): "\(what)\n--- the end of its log ---\n\(log)"
        case .agentDidNotStart(let name): "the target process \(name) did not start"
        case .interrupted: "interrupted"
        case .runnerEnded: "the runner ended by itself"
        case .cannotRead(let what): "cannot read what \(what) used: has it ended?"
        case .cannotWrite(let reason): "cannot write \(reason)"
        }
    }
}
