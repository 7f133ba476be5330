import FoundationEssentials
import SystemSupport
import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

// What is left when it is over.
extension StormField {
    /// What copies that met another one of their target have said, by target.
    nonisolated func claims() -> [String: String] {
        var claims: [String: String] = [:]
        for target in targets {
            let file = target.claim(in: target.place == .outside ? outside : inside)
            claims[target.name] = (try? String(contentsOfFile: file, encoding: .utf8)) ?? "its claim is gone"
        }
        return claims
    }

    /// What should not be there: processes that nobody recorded, what a runner did not collect, units of former lives.
    nonisolated func leftovers(besides record: StormRecord) async throws -> [String] {
        let known = record.lives.values.joined().reduce(into: Set<Int32>()) { $0.formUnion($1.running) }
        let processes = ProcFS()
        var leftovers: [String] = []
        for stat in try processes.table() where stat.isZombie && record.runners[stat.parent] != nil {
            leftovers.append("zombie \(stat.pid)")
        }
        for (pid, name) in try copies() where !known.contains(pid) { leftovers.append("process \(pid) of \(name)") }
        let units = try await systemd.run(
            "systemctl", "list-units", "--all", "--plain", "--no-legend", "clevagent-launch-*"
        ).split(separator: "\n")
        // What has never died is in none.
        let expected = targets.count { $0.place == .inside && record.lives[$0.name, default: []].count > 1 }
        if units.count != expected { leftovers.append("\(units.count) units instead of \(expected): \(units)") }
        return leftovers
    }

    /// The processes that are a copy of a target now, by /proc.
    private nonisolated func copies() throws -> [(pid: Int32, target: String)] {
        let processes = ProcFS()
        return try processes.processIDs().compactMap { pid in
            let line = (try? processes.commandLine(of: pid)) ?? []
            let arguments = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            guard arguments.dropFirst().first == "run",
                let target = targets.first(where: { arguments.contains($0.name) })
            else { return nil }
            return (pid, target.name)
        }
    }

    /// Ends the runner outside and all targets; what else is inside ends with its systemd.
    func end(_ storm: Storm) async {
        await endOutside()
        await storm.endTargets()
        // Of a record with a hole there may be more. The names are this storm's own.
        for (pid, _) in (try? copies()) ?? [] { try? ProcessHandle(pid: pid).send(SIGKILL) }
        try? FileManager.default.removeItem(atPath: outside)
    }
}
