/// A service of launchd, named as launchctl(1) names it: `system/LABEL`, `gui/UID/LABEL` or `user/UID/LABEL`.
package struct LaunchdService: Sendable, Hashable, CustomStringConvertible {
    /// `system`, `gui/501`, `user/501`.
    package var domain: String
    package var label: String

    /// The service target: never an option, since a domain stands before the label.
    package var description: String { "\(domain)/\(label)" }

    /// Reads the name of a target.
    ///
    /// - Parameters:
    ///   - name: a bare label means this user's session, for root the system.
    ///   - user: who the runner is.
    /// - Returns: nil when it is no name of a service.
    package init?(_ name: String, user: UInt32) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch (parts.first, parts.count) {
        case (_, 1): domain = user == 0 ? "system" : "gui/\(user)"
        case ("system", 2): domain = "system"
        case ("gui", 3), ("user", 3):
            guard let id = parts.dropFirst().first, let number = UInt32(id), "\(number)" == id else { return nil }
            domain = "\(parts.first ?? "")/\(number)"
        default: return nil
        }
        label = parts.last ?? ""
        let isPlain = label.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isPlain, !label.isEmpty, label.first != "-", label != ".", label != ".." else { return nil }
    }
}
