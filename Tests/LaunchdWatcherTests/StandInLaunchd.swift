import Glibc
import LaunchdWatcher
import Logging
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import WatcherAPI

/// A launchd of a test's own (Tests/Fixtures/launchctl-stand-in), and the watcher of one of its services.
struct StandInLaunchd: WatcherConformanceTarget {
    let directory: TestProcessDirectory
    let memory = MemoryWatcherMemory()
    let id: TargetID
    let watcher: any Watcher & TargetController
    /// What stands for its property list.
    let file: FilePath

    private let launchctl: Launchctl
    private let service: LaunchdService

    static let label = "com.example.bot"

    /// - Parameters:
    ///   - name: how the target is given.
    ///   - interval: short, since what somebody else starts is seen by this alone.
    init(
        isKeptAlive: Bool = false, arguments: [String] = ["--clean"], name: String = label, user: UInt32 = 501,
        every interval: Duration = .milliseconds(50)
    ) throws {
        directory = try TestProcessDirectory()
        let built = try TestProcess.testTarget
        let program = directory.file("launchctl")
        let fixture = built.removingLastComponent().appending("launchctl-stand-in")
        guard symlink(fixture.string, program.string) == 0 else { throw Errno(rawValue: errno) }
        file = directory.file("\(Self.label).plist")
        let command = [built.string, "run", "--pidfile", directory.file("pid").string] + arguments
        try directory.write(([isKeptAlive ? "keepalive" : "-"] + command).joined(separator: "\n") + "\n", to: file)
        id = TargetID(kind: .launchd, name: name)
        let loop = try EventLoop()
        launchctl = Launchctl(
            program: program, commands: ProcessCommandRunner(on: loop), clock: BootClock(sleepingOn: loop),
            patience: .seconds(1))
        guard let service = LaunchdService(name, user: user) else { throw ConformanceFailure("\(name) is no service") }
        self.service = service
        let context = WatcherContext(
            targets: [id: TargetSettings()], memory: memory, logger: Logger(label: "test"))
        watcher = LaunchdWatcher(
            context, launchctl: launchctl, ends: KernelProcessEnds(on: loop), user: user, every: interval, loop: loop)
    }

    func start() async throws {
        switch await launchctl.print(service) {
        case .loaded: try await require(launchctl.kickstart(service))
        case .notLoaded: try await require(launchctl.bootstrap(service, from: file.string))
        case .unclear(let reason): throw ConformanceFailure(reason)
        }
        try await ready()
    }

    func crash() async throws { try await send(SIGKILL) }
    func stopInOrder() async throws { try await send(SIGTERM) }

    func remove() async throws {
        for name in ["refuse", "hang", "slow"] { unset(name) }
        _ = await launchctl.bootout(service)
    }

    func bootout() async throws { try await require(launchctl.bootout(service)) }

    /// Leaves a file that changes what the stand-in does.
    func set(_ name: String, _ text: String = "") throws { try directory.write(text, to: directory.file(name)) }
    func unset(_ name: String) { unlink(directory.file(name).string) }

    /// Signals what runs now, once it is ready.
    func send(_ signal: Int32) async throws {
        guard let pid = try await ready() else { return }
        try ProcessHandle(pid: pid).send(signal)
    }

    @discardableResult
    private func ready() async throws -> Int32? {
        guard case .loaded(let facts) = await launchctl.print(service), let pid = facts.pid else { return nil }
        try await TestProcess.waitUntil(directory.file("pid"), names: pid)
        return pid
    }

    private func require(_ result: ProgramResult) throws {
        guard result.end == .exited(0) else {
            throw ConformanceFailure("\(result.end): \(String(decoding: result.errorOutput, as: UTF8.self))")
        }
    }
}
