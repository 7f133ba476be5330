import Supervision
package import SystemSupport
package import SystemdSupport

/// How new processes are made.
package enum ProcessLauncher: Sendable {
    /// As children of the runner, detached.
    case children(ProcessSpawner)
    /// By a service manager, in units of their own: neither in our cgroup nor in our sandbox.
    case units(UnitLauncher)
    /// Not at all: children would live in the cgroup and the sandbox of the runner's own service.
    case nobody(inService: String)

    /// Where an output goes that is not what it was.
    var placeForLostOutput: String {
        switch self {
        case .children, .nobody: "/dev/null"
        case .units: "the journal"
        }
    }

    /// Makes a process that waits before its exec.
    func prepare(_ plan: LaunchPlan, for target: TargetID) async throws(LaunchFailure) -> GatedProcess {
        switch self {
        case .children(let spawner):
            do {
                return try spawner.prepare(plan)
            } catch {
                throw LaunchFailure("no process could be made", error)
            }
        case .units(let launcher):
            do {
                return try await launcher.prepare(plan, label: target.name)
            } catch {
                throw error.shortage.map { LaunchFailure(error.description, $0) }
                    ?? LaunchFailure(text: error.description)
            }
        case .nobody(let service):
            // Asked before: the runner's facts have it as an obstacle.
            throw LaunchFailure(text: "the runner runs in the service \(service)", isPermanent: true)
        }
    }

    /// Who the runner is, and where what it starts will live.
    func runnerFacts(_ own: ProcessFacts, _ processes: any ProcessReading) -> RunnerFacts {
        var facts = RunnerFacts(
            status: own.status, surroundings: own.surroundings, root: own.root,
            givenCapabilities: own.status.boundingCapabilities)
        if case .units(let launcher) = self, let theirs = try? processes.facts(of: launcher.manager.pid) {
            facts.surroundings.namespaces = theirs.surroundings.namespaces
            facts.root = theirs.root
            facts.givenCapabilities = theirs.status.boundingCapabilities
            facts.launchCgroups = ServiceManager.launchCgroups(manager: theirs.surroundings.cgroups)
        }
        if case .nobody(let service) = self { facts.service = service }
        return facts
    }
}
