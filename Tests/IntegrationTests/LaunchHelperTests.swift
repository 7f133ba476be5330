import SystemPackage
import SystemSupport
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// The launch helper, as a service manager would start it.
@Suite(.timeLimit(.minutes(1))) struct LaunchHelperTests {
    private static let plan: LaunchPlan = {
        var plan = LaunchPlan(
            executable: "/bin/sh", arguments: ["sh", "-c", "echo \"$TOKEN\" >done"], environment: ["TOKEN=hunter2"],
            directory: "/", umask: 0o22, limits: [])
        plan.hasNoNewPrivileges = true
        return plan
    }()

    /// A directory with a recipe that writes a file `done` there.
    private struct Bench {
        let directory: TestProcessDirectory
        let recipe: FilePath
        let file: LaunchFile
        var plan = LaunchHelperTests.plan

        init() throws {
            directory = try TestProcessDirectory()
            chmod(directory.path.string, 0o700)
            recipe = directory.file("recipe")
            file = LaunchFile(path: recipe)
            plan.directory = ByteText(directory.path.string)
            try file.write(plan)
        }

        func helper() throws -> ChildProcess {
            try ChildProcess([BuiltProgram.runner.path, "launch", recipe.string], output: .lines)
        }

        var isDone: Bool { access(directory.file("done").string, F_OK) == 0 }
    }

    @Test func theHelperWaitsUntilItIsWrittenDownAndBecomesWhatTheRecipeSays() async throws {
        let bench = try Bench()
        let gate = try bench.file.listen()
        let helper = try bench.helper()
        let process = try bench.file.accept(on: gate, within: 20_000) { $0.pid == helper.id }
        // It has taken the recipe, and nothing more.
        #expect(access(bench.recipe.string, F_OK) != 0)
        #expect(!bench.isDone)
        #expect(try await process.letGo(on: EventLoop()) == [])
        #expect(await helper.ended() == 0)
        #expect(try readWholeFile(bench.directory.file("done"), limit: 100) == Array("hunter2\n".utf8))
    }

    @Test(arguments: [true, false]) func theHelperEndsWithoutAnExecWhenTheRunnerIsGone(hadCome: Bool) async throws {
        let bench = try Bench()
        var gate: OwnedDescriptor? = try bench.file.listen()
        if !hadCome { gate = nil }
        let helper = try bench.helper()
        if let gate {
            var process: GatedProcess? = try bench.file.accept(on: gate, within: 20_000) { _ in true }
            // As the kernel does it for a runner that was killed.
            withExtendedLifetime(process) {}
            process = nil
        }
        gate = nil
        #expect(await helper.ended() == 0)
        #expect(!bench.isDone)
    }

    @Test func whatIsNotTheHelperIsNotLetIn() throws {
        let bench = try Bench()
        let gate = try bench.file.listen()
        let helper = try bench.helper()
        #expect(throws: Errno.notPermitted) {
            try bench.file.accept(on: gate, within: 20_000) { $0.pid != helper.id }
        }
    }

    enum Craft: CaseIterable {
        case otherOwner, readable, writable, setuid, garbage, empty, otherVersion, huge, link, pipe, directory, missing

        var reason: String {
            switch self {
            case .otherOwner: "belongs to user 12345, not to this one"
            case .readable: "has the mode 644, not 600"
            case .writable: "has the mode 620, not 600"
            case .setuid: "has the mode 4600, not 600"
            case .garbage, .empty, .otherVersion: "is no recipe of this version"
            case .huge: "is too large"
            case .link: "can't be read: Too many levels of symbolic links"
            case .pipe, .directory: "is no regular file"
            case .missing: "can't be read: No such file or directory"
            }
        }
    }

    @Test(
        .enabled(if: geteuid() == 0 || getenv("CI") != nil, "needs root: another user's file"),
        arguments: Craft.allCases)
    func aCraftedRecipeIsRefused(craft: Craft) async throws {
        let bench = try Bench()
        let path = bench.recipe.string
        let content = try readWholeFile(bench.recipe, limit: 100_000)
        func replace(_ bytes: [UInt8]) throws {
            try replaceFile(bench.recipe, with: bytes, permissions: 0o600)
        }
        switch craft {
        case .otherOwner: chown(path, 12345, 12345)
        case .readable: chmod(path, 0o644)
        case .writable: chmod(path, 0o620)
        case .setuid: chmod(path, 0o4600)
        case .garbage: try replace(Array("hunter2".utf8))
        case .empty: try replace([])
        case .otherVersion:
            let text = String(decoding: content, as: UTF8.self)
            try replace(Array(text.replacing("\"version\":1", with: "\"version\":2").utf8))
        case .huge: truncate(path, 1 << 30)
        case .link:
            rename(path, path + ".real")
            symlink(path + ".real", path)
        case .pipe:
            unlink(path)
            mkfifo(path, 0o600)
        case .directory:
            unlink(path)
            mkdir(path, 0o600)
        case .missing: unlink(path)
        }
        let gate = try bench.file.listen()
        let helper = try bench.helper()
        var told: [String] = []
        for await line in helper.lines { told.append(line) }
        #expect(await helper.ended() == 78 << 8)
        #expect(told == ["clevagent-runner: the recipe \(path) \(craft.reason)"])
        #expect(!bench.isDone)
        // It may be anybody's file.
        #expect(FilePath(path).isThere == (craft != .missing))
        // Nobody was at the gate.
        #expect(throws: Errno.timedOut) { try bench.file.accept(on: gate, within: 0) { _ in true } }
    }
}

extension FilePath {
    fileprivate var isThere: Bool { (try? FileStatus.ofLink(self)) != nil }
}
