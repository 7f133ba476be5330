import Glibc
import SystemPackage
import SystemSupport

/// A `start:` command, with all that it is run with.
struct StartCommand: Sendable {
    var plan: LaunchPlan

    /// Finds the program and puts together what it is given.
    ///
    /// - Parameters:
    ///   - user: whose it is to be, as configured; nil for the user that is remembered, else the runner's own.
    ///   - runner: who starts it.
    /// - Throws: when there is no such program, or it must not be run.
    init(
        _ command: [String], user: UInt32?, remembered: LaunchRecipe?, runner: UInt32, openFileLimit: OpenFileLimit?
    ) throws(LaunchObstacle) {
        let owner = user ?? remembered?.ids?.user ?? runner
        // What another user gave, its environment above all, is not this user's.
        let remembered = remembered?.ids?.user == owner ? remembered : nil
        let account = Account.of(user: owner)
        let environment = LaunchEnvironment.forStart(
            remembered: remembered?.environment.texts, account: account, language: Self.ownLanguage)
        let directory = remembered?.directory ?? Self.home(of: account)
        let ids = runner == 0 ? Self.ids(owner, account, user == nil ? remembered : nil) : nil
        let program = command.first ?? ""
        guard let path = Self.find(program, environment, directory, ids), let file = ExecutableFile.at(path) else {
            throw .startNotFound(program)
        }
        guard !file.isPrivileged else { throw .privilegedExecutable }
        plan = LaunchPlan(
            executable: ByteText(path.string), arguments: command.map { ByteText($0) }, environment: environment,
            directory: directory, umask: remembered?.umask ?? 0o022,
            limits: remembered?.limits ?? openFileLimit.map { [$0.original] } ?? [], ids: ids)
        if let remembered { plan.takeRest(of: remembered) }
    }

    /// Users of the system's own may have a home that does not exist, /nonexistent by name (adduser(8)).
    private static func home(of account: Account?) -> ByteText {
        guard let home = account?.home, (try? FileStatus.of(FilePath(home)))?.kind == .directory else { return "/" }
        return ByteText(home)
    }

    private static func ids(_ user: UInt32, _ account: Account?, _ remembered: LaunchRecipe?) -> LaunchIDs {
        // A user without an entry has the group of its number, and no other.
        remembered?.ids ?? account?.ids ?? LaunchIDs(user: user, group: user, groups: [])
    }

    /// As execvp(3) does, with the PATH and the directory that the program will have.
    private static func find(
        _ program: String, _ environment: [ByteText], _ directory: ByteText, _ ids: LaunchIDs?
    ) -> FilePath? {
        let base = FilePath(bytes: directory.bytes)
        guard !program.contains("/") else {
            let file = base.pushing(FilePath(program))
            return isExecutable(file, ids) ? file : nil
        }
        let path = LaunchEnvironment.value(of: "PATH", in: environment)?.description ?? "/usr/bin:/bin"
        return path.split(separator: ":").lazy.map { base.pushing(FilePath(String($0))).appending(program) }
            .first { isExecutable($0, ids) }
    }

    private static func isExecutable(_ path: FilePath, _ ids: LaunchIDs?) -> Bool {
        (try? ExecutableFile.at(path, for: ids)).flatMap { $0 } != nil
    }

    private static var ownLanguage: ByteText? {
        getenv("LANG").map { ByteText("LANG=\(String(cString: $0))") }
    }
}
