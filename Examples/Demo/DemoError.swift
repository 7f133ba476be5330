/// Says what kept the demo from going on.
enum DemoError: Error, CustomStringConvertible {
    case ended(program: String, output: [String])
    case tookTooLong(String, log: [String])
    case refused(String, status: UInt, body: String)

    var description: String {
        switch self {
        case .ended(let program, let output):
            "\(program) ended.\n" + output.joined(separator: "\n")
        case .tookTooLong(let what, let log):
            "waited in vain for \(what).\n" + log.joined(separator: "\n")
        case .refused(let request, let status, let body):
            "the server answered \(status) to \(request): \(body)"
        }
    }
}
