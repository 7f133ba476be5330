import CPlatformShims
import Glibc
package import SystemPackage

/// A child that waits before its exec. Forgotten without `letGo`, it ends.
package final class GatedProcess: Sendable {
    package let handle: ProcessHandle
    private let gate: OwnedDescriptor
    private let report: OwnedDescriptor

    init(handle: ProcessHandle, gate: OwnedDescriptor, report: OwnedDescriptor) {
        self.handle = handle
        self.gate = gate
        self.report = report
    }

    /// Lets it go on, and returns when it has become the new program. Not cancellable: an exec is soon done.
    ///
    /// - Throws: where and why it failed; it has then ended and is no zombie.
    package func letGo(on loop: EventLoop) async throws(LaunchError) {
        do {
            try gate.writeAll([1])
            try await report.readable(on: loop)
        } catch {
            await abandon(on: loop)
            throw LaunchError(step: .gate, errno: error)
        }
        var message: [Int32] = [0, 0]
        let count = message.withUnsafeMutableBytes { read(report.rawValue, $0.baseAddress, $0.count) }
        // No word: the exec has closed the report.
        guard count > 0, let step = message.first, let code = message.last else { return }
        await abandon(on: loop)
        throw LaunchError(step: LaunchError.Step(code: step), errno: Errno(rawValue: code))
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
        case gate, setup, directory, exec
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
            case CLEVAGENT_STEP_DIRECTORY.rawValue: .directory
            case CLEVAGENT_STEP_EXEC.rawValue: .exec
            default: .setup
            }
    }
}
