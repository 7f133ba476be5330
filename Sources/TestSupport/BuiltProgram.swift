import FoundationEssentials

/// A program of this package as the same build made it.
package enum BuiltProgram: String, Sendable {
    case runner = "clevagent-runner"
    case server = "clevagent-server"
    case simulation = "clevagent-simulation"

    package var path: String { Self.place(of: rawValue) }

    /// A library of the same build that is to be preloaded into a program (ld.so(8)).
    package static func library(_ name: String) -> String { place(of: "lib\(name).so") }

    /// Beside the program that asks, be it a test bundle or another product.
    private static func place(of name: String) -> String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/" + name
    }
}
