package import SystemPackage

/// Where a runner's control socket is, when nobody says.
///
/// A service has it in its runtime directory, which others can reach; any other runner in its state directory, which no
/// other runner has.
package enum ControlSocketPlace {
    private static let name = "control.sock"

    /// Where a runner has it.
    static func standard(_ environment: [String: String], stateDirectory: FilePath) -> FilePath {
        // The first of those that systemd lists (systemd.exec(5), RuntimeDirectory=).
        if let listed = environment["RUNTIME_DIRECTORY"]?.split(separator: ":").first, listed.hasPrefix("/") {
            return FilePath(String(listed)).appending(name)
        }
        return stateDirectory.appending(name)
    }

    /// Where an operator looks for it: at the service's, then at the one of a runner of his own.
    package static func candidates(_ environment: [String: String], user: UInt32) -> [FilePath] {
        ["/run/clevagent-runner/control.sock"]
            + [stateDirectory(environment, user: user)?.appending(name)].compactMap { $0 }
    }

    /// The state directory of a runner that was not given one; nil when its user has no home.
    static func stateDirectory(_ environment: [String: String], user: UInt32) -> FilePath? {
        if user == 0 { return "/var/lib/clevagent-runner" }
        if let home = environment["XDG_STATE_HOME"], home.hasPrefix("/") {
            return FilePath(home).appending("clevagent-runner")
        }
        if let home = environment["HOME"], home.hasPrefix("/") {
            return FilePath(home).appending(".local/state/clevagent-runner")
        }
        return nil
    }
}
