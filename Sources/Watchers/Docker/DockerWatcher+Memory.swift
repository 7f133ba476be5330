import Supervision
import SystemSupport

// The memory of containers, from the kernel's own files: asking the engine would be a program started each time.
extension DockerWatcher {
    func measureAll() {
        for target in observers.keys { measure(target) }
    }

    /// Reads a living target's memory and tells it.
    func measure(_ target: TargetID) {
        guard var judge = judges[target], let facts = judge.facts, facts.status == .running else {
            memories[target] = nil
            return
        }
        // A PID of another host, or of somebody else by now, is in no cgroup with the container's id.
        let memory =
            memories[target]?.usedMB()
            ?? facts.pid.flatMap { pid in
                memories[target] = CgroupMemory(of: pid) { $0.contains(facts.id) }
                return memories[target]?.usedMB()
            }
        judge.measured(memoryMB: memory.map { ($0 * 10).rounded() / 10 })
        judges[target] = judge
        if let observation = judge.aliveNow { tell(target, observation) }
    }
}
