import Glibc
import Supervision
import SystemSupport
import SystemdSupport

// What this user may do with units.
extension UnitMonitor {
    /// Calls with a mode that systemd refuses for such a job, though only after it has asked polkit: nothing is changed
    /// (`triggering` is for stops, `isolate` for starts: systemctl(1)).
    private static let questions = [
        ("StartUnit", "start", "triggering"), ("RestartUnit", "restart", "isolate"), ("StopUnit", "stop", "isolate"),
    ]

    /// - Returns: what systemd would refuse, and the rule that allows it.
    func obstacle(to target: TargetID) async -> String? {
        guard let unit = units[target], geteuid() != 0 else { return nil }
        retain()
        defer { release() }
        await settled()
        if !unit.isKnown { await freshlyRead(unit) }
        var denied: [String] = []
        for (method, verb, mode) in Self.questions where await isDenied(method, unit, mode) { denied.append(verb) }
        guard !denied.isEmpty else { return nil }
        let user = Account.of(user: geteuid())?.name ?? "\(geteuid())"
        let rule = PolkitRule(unit: unit.facts.id, user: user)
        return "systemd does not let user '\(user)' \(denied.joined(separator: ", ")) \(rule.unit); "
            + "this in \(PolkitRule.file) allows it: \(rule.text)"
    }

    private func isDenied(_ method: String, _ unit: WatchedUnit, _ mode: String) async -> Bool {
        await withCheckedContinuation { continuation in
            guard let bus else { return continuation.resume(returning: false) }
            bus.call(.manager(method)) { message throws(BusError) in
                try message.append(unit.name)
                try message.append(mode)
            } then: { reply in
                guard case .failure(let error) = reply else { return continuation.resume(returning: false) }
                continuation.resume(returning: UnitRefusal.isDenial(error))
            }
        }
    }
}
