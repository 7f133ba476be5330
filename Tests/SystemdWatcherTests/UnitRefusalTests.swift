import Supervision
import SystemPackage
import SystemdSupport
import SystemdWatcher
import Testing

@Suite struct UnitRefusalTests {
    private static let refusal = UnitRefusal(unit: "bot.service", verb: "start", user: "clevagent")
    private static let denied =
        "systemd does not let user 'clevagent' start bot.service: no polkit rule allows "
        + "org.freedesktop.systemd1.manage-units with unit 'bot.service' and verb 'start' to that user"

    @Test(
        arguments: [
            ("org.freedesktop.DBus.Error.AccessDenied", .blocked(denied)),
            ("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", .blocked(denied)),
            (
                "org.freedesktop.systemd1.TransactionIsDestructive",
                .overruled("somebody else has a job for it that must not be undone (said so)")
            ),
            ("org.freedesktop.systemd1.UnitMasked", .failed("systemd refused: said so", isPermanent: true)),
            ("org.freedesktop.systemd1.Unheard", .failed("systemd refused: said so", isPermanent: false)),
        ] as [(String, TargetActionOutcome)])
    func `A refusal says what a person can do`(name: String, outcome: TargetActionOutcome) {
        let error = BusError(call: "StartUnit", errno: .permissionDenied, name: name, message: "said so")
        #expect(Self.refusal.outcome(of: error) == outcome)
    }

    @Test func `An answer that does not come is no refusal`() {
        let outcome = Self.refusal.outcome(of: BusError(call: "StartUnit", errno: .timedOut))
        guard case .failed(let reason, isPermanent: false) = outcome else { return #expect(Bool(false)) }
        #expect(reason.hasPrefix("systemd did not answer: StartUnit: "))
    }

    @Test(
        arguments: [
            ("done", nil), ("skipped", nil),
            ("canceled", .overruled("somebody cancelled the start of bot.service")),
            ("timeout", .failed("the start job of bot.service took too long", isPermanent: false)),
            ("dependency", .failed("a unit that bot.service needs did not start", isPermanent: false)),
            ("failed", .failed("the start job of bot.service failed", isPermanent: false)),
            ("odd", .failed("the start job of bot.service ended with 'odd'", isPermanent: false)),
        ] as [(String, TargetActionOutcome?)])
    func `A job's outcome is the outcome`(result: String, outcome: TargetActionOutcome?) {
        #expect(Self.refusal.outcome(ofJob: result) == outcome)
    }
}
