import CPlatformShims
package import SystemPackage

/// Starts processes in two steps, so that an identity can be written down between them.
package struct ProcessSpawner: Sendable {
    package init() {}

    /// Makes a child, detached in a session of its own, that waits before its exec. It ends if it is never let go.
    ///
    /// - Parameter outputs: write ends of pipes (`OwnedDescriptor.pipe`) for its standard output and error output; nil
    ///   for /dev/null.
    package func prepare(
        _ plan: LaunchPlan, outputs: (standard: OwnedDescriptor, error: OwnedDescriptor)? = nil
    ) throws(Errno) -> GatedProcess {
        var pidfd: Int32 = -1
        var gate: Int32 = -1
        var report: Int32 = -1
        // The clone copies all of it: the child needs ours no longer than until it is made.
        let numbers = outputs.map { [$0.standard.rawValue, $0.error.rawValue] }
        let pid = plan.withCLaunch { launch in
            guard let numbers else { return clevagent_launch_gated(launch, nil, &pidfd, &gate, &report) }
            return numbers.withUnsafeBufferPointer {
                clevagent_launch_gated(launch, $0.baseAddress, &pidfd, &gate, &report)
            }
        }
        withExtendedLifetime(outputs) {}
        guard pid > 0 else { throw Errno(rawValue: -pid) }
        return GatedProcess(
            handle: ProcessHandle(pid: pid, owning: pidfd), gate: OwnedDescriptor(owning: gate),
            report: OwnedDescriptor(owning: report))
    }
}
