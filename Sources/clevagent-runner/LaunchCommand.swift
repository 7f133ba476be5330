import ArgumentParser
import SystemPackage
import SystemSupport

/// What the runner has a service manager run in its own place (docs/decisions/0007-launch-helper.md).
struct LaunchCommand: ParsableCommand {
    static let name = "launch"
    static let configuration = CommandConfiguration(
        commandName: name, abstract: "Become what the runner wrote down.", shouldDisplay: false)

    @Argument var recipe: String

    func run() throws {
        do {
            try LaunchHelper.run(FilePath(recipe))
        } catch {
            Host.complain("\(error)")
            throw ExitCode(78)
        }
    }
}
