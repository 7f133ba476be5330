import CPlatformShims
package import SystemPackage

/// Starts processes in two steps, so that an identity can be written down between them.
package struct ProcessSpawner: Sendable {
    package init() {}

    /// Makes a child, detached in a session of its own, that waits before its exec. It ends if it is never let go.
    package func prepare(_ plan: LaunchPlan) throws(Errno) -> GatedProcess {
        var pidfd: Int32 = -1
        var gate: Int32 = -1
        var report: Int32 = -1
        // The clone copies all of it: the child needs ours no longer than until it is made.
        let pid = plan.withCLaunch { clevagent_launch_gated($0, &pidfd, &gate, &report) }
        guard pid > 0 else { throw Errno(rawValue: -pid) }
        return GatedProcess(
            handle: ProcessHandle(pid: pid, owning: pidfd), gate: OwnedDescriptor(owning: gate),
            report: OwnedDescriptor(owning: report))
    }
}
