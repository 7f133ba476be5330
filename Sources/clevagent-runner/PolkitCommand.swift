import ArgumentParser
import RunnerKit
import Supervision
import SystemPackage
import SystemdSupport
import SystemdWatcher

struct PolkitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "polkit",
        abstract: "Print the rules that let a runner without root start and stop the units it watches.",
        discussion: """
            Takes the flags, the environment and the settings file of start; it needs no key and no server:

              clevagent-runner polkit --watch systemd:my-agent | sudo tee \(PolkitRule.file)

            The rules are for these units, for start, stop, restart and reset-failed, and for that one user.

            Exit status: 0, 64 when a flag or a variable is wrong or no unit is watched, 74 when the rules can't be \
            written, 78 as start.
            """)

    @OptionGroup var flags: RunnerFlags

    @Option(help: ArgumentHelp("Whom the runner runs as.", valueName: "name"))
    var user = "clevagent"

    func validate() throws {
        guard !user.isEmpty else { throw ValidationError("--user '': must be the name of a user") }
    }

    func run() throws {
        // A reader that is gone is told by write(2).
        Host.ignoreSignals()
        let (targets, scope) = try RunnerFlags.resolve(flags.options) {
            resolver throws(ConfigurationResolver.Failure) in try resolver.resolveTargets()
        }
        guard scope == .system else {
            Host.complain("units of a user's own manager need no rule: there is none for --systemd-scope user")
            throw ExitCode(64)
        }
        let units = Self.names(of: targets)
        guard !units.isEmpty else {
            Host.complain("no unit of systemd is watched: give --watch systemd:NAME")
            throw ExitCode(64)
        }
        do {
            _ = try FileDescriptor.standardOutput.writeAll(PolkitRule.file(for: units, user: user).utf8)
        } catch {
            Host.complain("the rules can't be written to standard output: \(error)")
            throw ExitCode(74)
        }
    }

    /// Every unit once, by the name that systemd has for it, if it can be asked; there may be another systemd later, or none
    /// here.
    private static func names(of targets: [WatchedTarget]) -> [String] {
        let manager = UnitNames()
        return targets.filter { $0.id.kind == .systemd }.reduce(into: []) { names, target in
            let given = UnitName.complete(target.id.name)
            let name = (try? manager?.id(of: given)) ?? given
            if !names.contains(name) { names.append(name) }
        }
    }
}
