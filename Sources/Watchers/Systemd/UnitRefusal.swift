package import Supervision
package import SystemdSupport

/// What becomes of a call that systemd refused, and of a job by the word that it ended with.
package struct UnitRefusal: Sendable, Hashable {
    package var unit: String
    /// What polkit calls what was asked for.
    package var verb: String
    /// Who asked, as a polkit rule would name it.
    package var user: String

    package init(unit: String, verb: String, user: String) {
        self.unit = unit
        self.verb = verb
        self.user = user
    }

    /// This user may not do it.
    static func isDenial(_ error: BusError) -> Bool {
        error.name == "org.freedesktop.DBus.Error.AccessDenied"
            || error.name == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
    }

    package func outcome(of error: BusError) -> TargetActionOutcome {
        let words = error.message ?? "\(error.errno)"
        switch error.name ?? "" {
        case _ where Self.isDenial(error):
            // A rule takes effect with its file.
            return .blocked(
                "systemd does not let user '\(user)' \(verb) \(unit): no polkit rule allows "
                    + "org.freedesktop.systemd1.manage-units with unit '\(unit)' and verb '\(verb)' to that user")
        case "org.freedesktop.systemd1.TransactionIsDestructive":
            return .overruled("somebody else has a job for it that must not be undone (\(words))")
        case "org.freedesktop.systemd1.NoSuchUnit", "org.freedesktop.systemd1.UnitMasked",
            "org.freedesktop.systemd1.OnlyByDependency", "org.freedesktop.systemd1.BadUnitSetting",
            "org.freedesktop.systemd1.LoadFailed", "org.freedesktop.DBus.Error.InvalidArgs":
            return .failed("systemd refused: \(words)", isPermanent: true)
        case "": return .failed("systemd did not answer: \(error)", isPermanent: false)
        default: return .failed("systemd refused: \(words)", isPermanent: false)
        }
    }

    /// - Returns: nil when the job did what it was for; what the unit is then is to be looked at.
    package func outcome(ofJob result: String) -> TargetActionOutcome? {
        switch result {
        case "done", "skipped": nil
        // A stop that somebody asked for puts a start out of the queue.
        case "canceled": .overruled("somebody cancelled the \(verb) of \(unit)")
        case "timeout": .failed("the \(verb) job of \(unit) took too long", isPermanent: false)
        case "dependency": .failed("a unit that \(unit) needs did not start", isPermanent: false)
        case "failed": .failed("the \(verb) job of \(unit) failed", isPermanent: false)
        case "assert": .failed("\(unit) has an Assert…= that is not met", isPermanent: false)
        default: .failed("the \(verb) job of \(unit) ended with '\(result)'", isPermanent: false)
        }
    }
}
