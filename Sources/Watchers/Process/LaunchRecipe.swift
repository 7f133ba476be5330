package import SystemSupport

/// What is needed to start a process again just as it was.
package struct LaunchRecipe: Sendable, Hashable, Codable {
    package var executable: ByteText
    package var arguments: ByteTextList
    package var directory: ByteText
    /// Holds secrets: never logged.
    package var environment: ByteTextList
    package var users: [UInt32]
    package var groups: [UInt32]
    package var supplementaryGroups: [UInt32]
    package var umask: UInt32
    package var limits: [ResourceLimit]
    package var niceness: Int32?
    package var oomScoreAdjustment: Int32?
    package var hasNoNewPrivileges: Bool?
    package var output: OpenFile?
    package var errorOutput: OpenFile?

    /// Takes the recipe from a living process.
    ///
    /// - Throws: why there is none.
    package init(from facts: ProcessFacts) throws(LaunchObstacle) {
        guard let executable = facts.executable, let arguments = facts.arguments, let directory = facts.directory,
            let environment = facts.environment, let limits = facts.limits
        else { throw .unreadable }
        guard !Self.isTitle(arguments) else { throw .titleInsteadOfArguments }
        self.executable = executable.withoutDeletedMark
        self.arguments = ByteTextList(arguments)
        // Removed and made anew, as a fresh checkout does, it is the same place.
        self.directory = directory.withoutDeletedMark
        // What has no "=" was overwritten by the program itself.
        self.environment = ByteTextList(environment.filter { $0.bytes.contains(UInt8(ascii: "=")) })
        self.limits = limits
        users = facts.status.users
        groups = facts.status.groups
        supplementaryGroups = facts.status.supplementaryGroups
        umask = facts.status.umask ?? 0o022
        niceness = facts.niceness
        oomScoreAdjustment = facts.oomScoreAdjustment
        hasNoNewPrivileges = facts.status.hasNoNewPrivileges
        output = facts.output
        errorOutput = facts.errorOutput
    }

    /// Programs that show a title write it over their arguments (setproctitle(3bsd)): one text with blanks, then nothing.
    private static func isTitle(_ arguments: [ByteText]) -> Bool {
        guard let first = arguments.first, !first.bytes.isEmpty else { return true }
        let rest = arguments.dropFirst()
        let isPadded = rest.count > 0 && rest.allSatisfy(\.bytes.isEmpty)
        return first.bytes.contains(UInt8(ascii: " ")) && (rest.isEmpty || isPadded)
    }
}

extension LaunchRecipe {
    /// The ids that it all belongs to; nil when they differ among themselves.
    package var ids: LaunchIDs? {
        guard let user = users.first, let group = groups.first, Set(users).count == 1, Set(groups).count == 1 else {
            return nil
        }
        return LaunchIDs(user: user, group: group, groups: supplementaryGroups)
    }
}

extension LaunchPlan {
    /// The same program once more.
    ///
    /// - Parameter user: who starts it; only root can give it ids.
    package init(_ recipe: LaunchRecipe, startedBy user: UInt32) {
        self.init(
            executable: recipe.executable, arguments: recipe.arguments.texts, environment: recipe.environment.texts,
            directory: recipe.directory, umask: recipe.umask, limits: recipe.limits,
            ids: user == 0 ? recipe.ids : nil)
        takeRest(of: recipe)
    }

    /// Takes what is neither the program nor what it is given as text.
    mutating func takeRest(of recipe: LaunchRecipe) {
        niceness = recipe.niceness
        oomScoreAdjustment = recipe.oomScoreAdjustment
        hasNoNewPrivileges = recipe.hasNoNewPrivileges ?? false
        output = recipe.output?.ifWritten
        errorOutput = recipe.errorOutput?.ifWritten
    }
}

extension OpenFile {
    /// Nothing is lost of what goes to /dev/null.
    fileprivate var ifWritten: OpenFile? { path == "/dev/null" ? nil : self }
}
