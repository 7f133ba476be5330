import Logging
import Supervision
import SystemPackage
import SystemSupport

/// What is remembered of a living process so that it can be started again.
extension ProcessTarget {
    /// Reads recipe, children and memory of the life that is held. What can't be read stays as it was.
    func rereadFacts() {
        guard let life, let facts = try? host.processes.facts(of: life.identity.pid), life.handle.isAlive else {
            return
        }
        self.life?.memoryMB = facts.stat.residentMB
        self.life?.program = facts.stat.program
        self.life?.glances = 0
        self.life?.parent = parent(of: facts.stat)
        let reading = Result { () throws(LaunchObstacle) in try LaunchRecipe(from: facts) }
        obstacle = obstacle(of: facts, reading)
        note.obstacle = obstacle
        directoryConcern = facts.directory.flatMap { directory in
            let path = directory.withoutDeletedMark
            return path == directory
                ? nil : "its working directory \(path) is gone: without it it can't be started again"
        }
        // The environment of a privileged executable was given by somebody with fewer rights.
        if facts.executableFile?.isPrivileged == false, let recipe = try? reading.get() { remember(recipe) }
        finder.noteFeatures(facts, in: &note)
        rereadChildren(of: life.identity)
    }

    /// The slow re-read: memory and children each time, everything after an exec, and now and then for what else a
    /// program can change of itself.
    func refreshFacts() {
        guard let life, let program = life.program, life.glances < Self.glancesBetweenRereads,
            let stat = host.families.member(life.identity.pid), stat.startTicks == life.identity.startTicks,
            stat.program == program
        else { return rereadFacts() }
        self.life?.memoryMB = stat.residentMB
        self.life?.glances += 1
        rereadChildren(of: life.identity)
    }

    /// At 30 s each, five minutes.
    private static var glancesBetweenRereads: Int { 9 }

    /// Sees to it that a program that was started again can be found.
    func announce() {
        if let life { finder.announce(life.identity, in: &note) }
    }

    private func obstacle(of facts: ProcessFacts, _ reading: Result<LaunchRecipe, LaunchObstacle>) -> String? {
        if let obstacle = LaunchObstacle.find(in: facts, runner: host.runner) { return obstacle.description }
        // A command of its own needs no recipe.
        guard settings.start == nil else { return nil }
        switch reading {
        case .success(let recipe): return obstacle(of: recipe)
        // Seen complete earlier in this life: a leader that has ended shows nothing any more.
        case .failure(let obstacle): return note.recipe == nil ? obstacle.description : nil
        }
    }

    /// What stands against starting this recipe, as its executable is now.
    func obstacle(of recipe: LaunchRecipe) -> String? {
        let path = FilePath(bytes: recipe.executable.bytes)
        let ids = host.runner.status.effectiveUser == 0 ? recipe.ids : nil
        do {
            if let executable = try ExecutableFile.at(path, for: ids) {
                return executable.isPrivileged ? LaunchObstacle.privilegedExecutable.description : nil
            }
        } catch {
            return "whether it may execute \(path) can't be told: \(error)"
        }
        guard let ids, ExecutableFile.at(path) != nil else {
            return LaunchObstacle.executableGone(recipe.executable.description).description
        }
        return LaunchObstacle.notExecutable(recipe.executable.description, user: ids.user).description
    }

    /// Why nothing could be started in the place of what is dead.
    var obstacleForDead: String? {
        // A command of its own needs no recipe.
        if settings.start != nil || note.recipe != nil { return obstacleNow }
        return host.runner.obstacle?.description ?? note.obstacle ?? LaunchObstacle.neverSeen.description
    }

    /// What stands against a start: of this runner, which is not remembered, or else of the process. A sandbox makes
    /// every process look foreign, and is the better reason.
    var obstacleNow: String? { host.runner.obstacle?.description ?? obstacle }

    private func parent(of stat: ProcessStat) -> ProcessIdentity? {
        guard stat.parent > 1, stat.parent != ProcessHandle.ownPID,
            let parent = try? host.processes.stat(of: stat.parent), !parent.isManager
        else { return nil }
        return ProcessIdentity(parent, bootID: host.bootID)
    }

    private func rereadChildren(of identity: ProcessIdentity) {
        let children = host.families.children(of: identity.pid).map {
            ProcessIdentity(bootID: host.bootID, pid: $0.pid, startTicks: $0.startTicks)
        }
        // On the disk only those that stay: a child for every task would mean a write for every look.
        note.children = children.filter { seenChildren.contains($0) || note.children.contains($0) }
        seenChildren = Set(children)
    }
}

extension ProcessStat {
    /// A user's own service manager takes orphans as init does.
    var isManager: Bool { name == "systemd" || name == "init" }
}
