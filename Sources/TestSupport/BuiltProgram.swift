import FoundationEssentials

/// A program of this package as the same build made it.
package enum BuiltProgram: String, Sendable {
    case runner = "clevagent-runner"
    case server = "clevagent-server"
    case simulation = "clevagent-simulation"

    /// Where it is: beside the program that asks, be it a test bundle or another product.
    package var path: String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/" + rawValue
    }
}
