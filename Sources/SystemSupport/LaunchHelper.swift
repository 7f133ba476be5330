import CPlatformShims
import Glibc
package import SystemPackage

/// The command of a transient unit: becomes what a recipe says.
package enum LaunchHelper {
    /// Takes the recipe, waits until the runner has written down who this is, and becomes it.
    ///
    /// - Returns: only when the runner has gone away or thought better of it.
    /// - Throws: why the recipe was not taken.
    package static func run(_ path: FilePath) throws(LaunchFileError) {
        let file = LaunchFile(path: path)
        let plan = try file.take()
        guard let gate = try? file.connect() else { return }
        var go: UInt8 = 0
        var count: Int
        repeat { count = read(gate.rawValue, &go, 1) } while count < 0 && errno == EINTR
        guard count == 1 else { return }
        plan.withCLaunch { clevagent_become($0, gate.rawValue) }
    }
}
