import CPlatformShims
import Glibc
package import SystemPackage

/// A child that waits before its exec. Forgotten without `letGo`, it ends.
package final class GatedProcess: Sendable {
    package let handle: ProcessHandle
    private let gate: OwnedDescriptor
    private let report: OwnedDescriptor

    package init(handle: ProcessHandle, gate: OwnedDescriptor, report: OwnedDescriptor) {
        self.handle = handle
        self.gate = gate
        self.report = report
    }

    /// Lets it go on, and returns when it has become the new program. Not cancellable: an exec is soon done.
    ///
    /// - Returns: which of its outputs, 1 and 2, could not be opened again.
    /// - Throws: where and why it failed; it has then ended and is no zombie.
    package func letGo(on loop: EventLoop) async throws(LaunchError) -> Set<Int32> {
        let told: [clevagent_launch_report]
        do {
            try gate.writeAll([1])
            try await report.readable(on: loop)
            // To its end, which comes with the exec.
            told = try report.readAll(limit: 4096).withUnsafeBytes {
                Array($0.bindMemory(to: clevagent_launch_report.self))
            }
        } catch {
            await abandon(on: loop)
            throw LaunchError(step: .gate, errno: error)
        }
        var lostOutputs: Set<Int32> = []
        for report in told {
            guard report.step == Int32(CLEVAGENT_STEP_OUTPUT_LOST.rawValue) else {
                await abandon(on: loop)
                throw LaunchError(step: LaunchError.Step(code: report.step), errno: Errno(rawValue: report.code))
            }
            lostOutputs.insert(report.code)
        }
        return lostOutputs
    }

    /// Ends it without an exec, and takes it out of the process table.
    package func abandon(on loop: EventLoop) async {
        // It has ended by itself, or does so now; it is our child, so the PID is not used again before we reap it.
        try? handle.send(SIGKILL)
        try? await handle.waitForEnd(on: loop)
        _ = handle.reap()
    }
}

/// Why a prepared process did not become the program it was to be.
package struct LaunchError: Error, Sendable, Hashable {
    package enum Step: Sendable, Hashable {
        case gate, setup, ids, directory, exec
    }

    package var step: Step
    package var errno: Errno

    package init(step: Step, errno: Errno) {
        self.step = step
        self.errno = errno
    }
}

extension LaunchError.Step {
    /// A step as the child reports it.
    fileprivate init(code: Int32) {
        self =
            switch UInt32(bitPattern: code) {
            case CLEVAGENT_STEP_IDS.rawValue: .ids
            case CLEVAGENT_STEP_DIRECTORY.rawValue: .directory
            case CLEVAGENT_STEP_EXEC.rawValue: .exec
            default: .setup
            }
    }
}
