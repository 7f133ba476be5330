/// A rule that lets one user do with one unit what a runner does, and nothing else (polkit(8)).
package struct PolkitRule: Sendable, Hashable {
    /// Where an administrator puts it.
    package static let file = "/etc/polkit-1/rules.d/50-clevagent-runner.rules"
    /// What systemd calls what a runner does.
    private static let verbs = #"["start", "stop", "restart", "reset-failed"]"#

    package var unit: String
    package var user: String

    package init(unit: String, user: String) {
        self.unit = unit
        self.user = user
    }

    /// The text, in one line.
    package var text: String {
        #"polkit.addRule(function(action, subject) { "#
            + #"if (action.id == "org.freedesktop.systemd1.manage-units" "#
            + #"&& subject.user == "\#(Self.escaped(user))" && action.lookup("unit") == "\#(Self.escaped(unit))" "#
            + #"&& \#(Self.verbs).indexOf(action.lookup("verb")) >= 0) return polkit.Result.YES; });"#
    }

    /// For between the quotes of JavaScript: names of units have backslashes in them.
    private static func escaped(_ name: String) -> String {
        String(name.flatMap { $0 == "\\" || $0 == "\"" ? ["\\", $0] : [$0] })
    }
}
