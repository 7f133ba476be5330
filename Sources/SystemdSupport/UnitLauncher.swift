import Glibc
import NIOPosix
package import SystemPackage
package import SystemSupport

/// Starts processes in transient units of their own, in two steps: see `GatedProcess`.
///
/// The unit's command is the launch helper of this program, which gets all that matters from a file that only this user
/// can read.
package struct UnitLauncher: Sendable {
    /// How the names of its units begin.
    package static let unitPrefix = "clevagent-launch-"
    /// How long the manager and the helper may take until the helper waits at the gate.
    private static let patience: Int32 = 10_000

    package let manager: ServiceManager
    private let helper: [String]
    private let directory: FilePath

    /// - Parameters:
    ///   - helper: the command that runs `LaunchHelper` with the path that is added to it.
    ///   - directory: where to leave recipes; is made if need be, and must be nobody else's.
    package init(manager: ServiceManager, helper: [String], directory: FilePath) {
        self.manager = manager
        self.helper = helper
        self.directory = directory
    }

    /// Makes a process that waits before its exec. It ends if it is never let go.
    ///
    /// - Parameter label: what the unit's name is to say; anything.
    package func prepare(_ plan: LaunchPlan, label: String) async throws(UnitLaunchError) -> GatedProcess {
        do {
            // Waits for the manager and the helper: not on a thread of all tasks.
            return try await NIOThreadPool.singleton.runIfActive { try start(plan, label) }
        } catch let error as UnitLaunchError {
            throw error
        } catch {
            throw UnitLaunchError(description: "\(error)")
        }
    }

    private func start(_ plan: LaunchPlan, _ label: String) throws(UnitLaunchError) -> GatedProcess {
        let token = String(UInt64.random(in: 0 ... .max), radix: 16)
        let unit = TransientUnit(
            name: Self.unitName(label, token), description: "\(label), started again by clevagent-runner",
            command: helper + [directory.appending(token).string],
            logName: FilePath(bytes: plan.executable.bytes).lastComponent?.string ?? label)
        do {
            try makePrivateDirectory(directory)
            let file = LaunchFile(path: directory.appending(token))
            defer { file.remove() }
            let gate = try file.listen()
            try file.write(plan)
            do {
                try manager.start(unit)
            } catch {
                throw UnitLaunchError(
                    description: "the service manager did not start \(unit.name): \(error)", cause: error.errno)
            }
            return try file.accept(on: gate, within: Self.patience) { handle in
                // Root alone gets here, but root runs much.
                let cgroups = try? ProcFS().facts(of: handle.pid).surroundings.cgroups
                return cgroups?.services.contains { $0.hasSuffix("/" + unit.name) } == true && handle.isAlive
            }
        } catch let error as UnitLaunchError {
            throw error
        } catch Errno.timedOut {
            throw UnitLaunchError(
                description:
                    "\(unit.name) was started, but nobody came to take the recipe: see journalctl -u \(unit.name)")
        } catch {
            throw UnitLaunchError(
                description: "a recipe can't be left in \(directory): \(error)", cause: error as? Errno)
        }
    }

    /// A name with nothing in it that a manager or a shell would read otherwise.
    package static func unitName(_ label: String, _ token: String) -> String {
        let plain = label.utf8.suffix(60).map { byte -> Character in
            let letter = Character(Unicode.Scalar(byte))
            return letter.isASCII && (letter.isLetter || letter.isNumber) ? letter : "_"
        }
        return "\(unitPrefix)\(String(plain))-\(token).service"
    }
}

/// Why no process was made. Nothing of it runs.
package struct UnitLaunchError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String
    var cause: Errno?

    /// What was lacking and may be there again soon.
    package var shortage: Errno? { cause.flatMap { $0.isShortage ? $0 : nil } }
}
