import CPlatformShims
import Glibc
package import SystemPackage

/// What a new process is to be.
package struct LaunchPlan: Sendable, Hashable {
    package var executable: ByteText
    package var arguments: [ByteText]
    package var environment: [ByteText]
    package var directory: ByteText
    package var umask: UInt32
    package var limits: [ResourceLimit]
    /// Supplementary groups; nil leaves them as they are, and needs no privilege.
    package var groups: [UInt32]?

    package init(
        executable: ByteText, arguments: [ByteText], environment: [ByteText], directory: ByteText, umask: UInt32,
        limits: [ResourceLimit], groups: [UInt32]? = nil
    ) {
        self.groups = groups
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.umask = umask
        self.limits = limits
    }
}

/// Starts processes in two steps, so that an identity can be written down between them.
package struct ProcessSpawner: Sendable {
    package init() {}

    /// Makes a child, detached in a session of its own, that waits before its exec. It ends if it is never let go.
    ///
    /// - Parameters:
    ///   - output: where its standard output goes; nil for /dev/null.
    ///   - errorOutput: where its standard error goes; nil for /dev/null.
    package func prepare(
        _ plan: LaunchPlan, output: OwnedDescriptor?, errorOutput: OwnedDescriptor?
    ) throws(Errno) -> GatedProcess {
        let limits = plan.limits.map { clevagent_limit(resource: $0.resource, soft: $0.soft, hard: $0.hard) }
        let executable = CStrings([plan.executable])
        let arguments = CStrings(plan.arguments)
        let environment = CStrings(plan.environment)
        let directory = CStrings([plan.directory])
        var pidfd: Int32 = -1
        var gate: Int32 = -1
        var report: Int32 = -1
        // The clone copies all of it: the child needs ours no longer than until it is made.
        let pid = limits.withUnsafeBufferPointer { limits in
            // One element more: an empty array has no address, and none means something else here.
            ((plan.groups ?? []) + [0]).withUnsafeBufferPointer { groups in
                var launch = clevagent_launch(
                    executable: executable.pointer.pointee, arguments: arguments.pointer,
                    environment: environment.pointer, directory: directory.pointer.pointee,
                    output: output?.rawValue ?? -1, error_output: errorOutput?.rawValue ?? -1, umask: plan.umask,
                    groups: plan.groups == nil ? nil : groups.baseAddress, group_count: groups.count - 1,
                    limits: limits.baseAddress, limit_count: limits.count)
                return withExtendedLifetime((executable, arguments, environment, directory)) {
                    clevagent_launch_gated(&launch, &pidfd, &gate, &report)
                }
            }
        }
        guard pid > 0 else { throw Errno(rawValue: -pid) }
        return GatedProcess(
            handle: ProcessHandle(pid: pid, owning: pidfd), gate: OwnedDescriptor(owning: gate),
            report: OwnedDescriptor(owning: report))
    }
}

/// An array of C strings that ends in nil, as execve(2) wants it.
private final class CStrings {
    let pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ texts: [ByteText]) {
        count = texts.count
        pointer = .allocate(capacity: count + 1)
        for (index, text) in texts.enumerated() {
            (pointer + index).initialize(to: strdup(text.bytes.map { CChar(bitPattern: $0) } + [0]))
        }
        (pointer + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { free(pointer[index]) }
        pointer.deallocate()
    }
}
