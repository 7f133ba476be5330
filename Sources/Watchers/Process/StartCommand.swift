import Glibc
import SystemPackage
import SystemSupport

/// A `start:` command, with all that it is run with.
struct StartCommand: Sendable {
    var plan: LaunchPlan

    /// Finds the program and puts together what it is given.
    ///
    /// - Throws: when there is no such program, or it must not be run.
    init(
        _ command: [String], remembered: LaunchRecipe?, user: UInt32, openFileLimit: OpenFileLimit?
    ) throws(LaunchObstacle) {
        let account = Account.of(user: user)
        let environment = LaunchEnvironment.forStart(
            remembered: remembered?.environment.texts, account: account, language: Self.ownLanguage)
        let directory = remembered?.directory ?? ByteText(account?.home ?? "/")
        let program = command.first ?? ""
        guard let path = Self.find(program, environment, directory), let file = ExecutableFile.at(path) else {
            throw .startNotFound(program)
        }
        guard !file.isPrivileged else { throw .privilegedExecutable }
        plan = LaunchPlan(
            executable: ByteText(path.string), arguments: command.map { ByteText($0) }, environment: environment,
            directory: directory, umask: remembered?.umask ?? 0o022,
            limits: remembered?.limits ?? openFileLimit.map { [$0.original] } ?? [],
            groups: user == 0 ? remembered?.supplementaryGroups : nil)
    }

    /// As execvp(3) does, with the PATH and the directory that the program will have.
    private static func find(_ program: String, _ environment: [ByteText], _ directory: ByteText) -> FilePath? {
        let base = FilePath(bytes: directory.bytes)
        guard !program.contains("/") else { return base.pushing(FilePath(program)) }
        let path = LaunchEnvironment.value(of: "PATH", in: environment)?.description ?? "/usr/bin:/bin"
        return path.split(separator: ":").lazy.map { base.pushing(FilePath(String($0))).appending(program) }
            .first { ExecutableFile.at($0) != nil }
    }

    private static var ownLanguage: ByteText? {
        getenv("LANG").map { ByteText("LANG=\(String(cString: $0))") }
    }
}
