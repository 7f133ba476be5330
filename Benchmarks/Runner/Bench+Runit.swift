import Glibc
import TestSupport

extension Bench {
    /// SIGKILL → running again under runit's runsv, for scale; `nil` where it is not installed.
    func restartsUnderRunit(count: Int) async throws -> Samples? {
        let places: [String] = ["/usr/bin/runsv", "/bin/runsv", "/usr/sbin/runsv"]
        guard let runsv = places.first(where: { access($0, X_OK) == 0 }) else { return nil }
        let pool = try await AgentPool("runit", count: count, in: directory, program: agent, startsThem: false)
        var supervisors: [ChildProcess] = []
        let events = pool.events()
        do {
            for name in pool.names {
                supervisors.append(try ChildProcess([runsv, try serviceDirectory(for: name, of: pool)]))
            }
            var started = 0
            for await event in events where event.kind == .running {
                started += 1
                if started == count { break }
            }
            // runsv waits a second before it starts again what ended within a second.
            try await Task.sleep(for: .milliseconds(1200))
            var back: [Duration] = []
            for name in pool.names {
                let events = pool.events()
                let killed = try pool.kill(name)
                for await event in events where event.kind == .running && event.name == name {
                    back.append(event.at - killed)
                    break
                }
            }
            for supervisor in supervisors { await supervisor.end() }
            await pool.end()
            return Samples(back)
        } catch {
            for supervisor in supervisors { await supervisor.end() }
            await pool.end()
            throw error
        }
    }

    private func serviceDirectory(for name: String, of pool: AgentPool) throws -> String {
        let directory = pool.directory + "/" + name
        mkdir(directory, 0o755)
        guard let file = fopen(directory + "/run", "w") else { throw BenchmarkError.cannotWrite(directory) }
        fputs("#!/bin/sh\nexec " + pool.command(of: name).joined(separator: " ") + "\n", file)
        fclose(file)
        chmod(directory + "/run", 0o755)
        return directory
    }
}
