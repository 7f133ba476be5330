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
            + #"&& subject.user == \#(Self.literal(user)) && action.lookup("unit") == \#(Self.literal(unit)) "#
            + #"&& \#(Self.verbs).indexOf(action.lookup("verb")) >= 0) return polkit.Result.YES; });"#
    }

    /// A whole file, which says how it was made and what for.
    package static func file(for units: [String], user: String) -> String {
        let named = units.map { "//   \(literal($0))" }
        let rules = units.map { PolkitRule(unit: $0, user: user).text }
        let head = [
            "// Made by clevagent-runner polkit, for the units that it watches: make it anew when these are others.",
            "// Lets user \(literal(user)) start, stop, restart and reset-failed, and do nothing else with them:",
        ]
        return (head + named + rules).map { $0 + "\n" }.joined()
    }

    /// A text of JavaScript, in ASCII and in one line, whatever is in it: names of units have backslashes.
    private static func literal(_ name: String) -> String {
        let escaped = name.utf16.map { unit -> String in
            guard let scalar = Unicode.Scalar(unit), (" "..."~").contains(scalar) else {
                let digits = String(unit, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
            return scalar == "\\" || scalar == "\"" ? "\\\(scalar)" : "\(scalar)"
        }
        return "\"\(escaped.joined())\""
    }
}
