import ArgumentParser
import FoundationEssentials
import NIOCore
import NIOPosix
import ProcessWatcher
import RunnerKit
import SystemPackage
import SystemSupport
import SystemdSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the program asks of the machine it was started on.
enum Host {
    static var user: UInt32 { geteuid() }
    static var userName: String { Account.of(user: user)?.name ?? "\(user)" }
    static var environment: [String: String] { ProcessInfo.processInfo.environment }

    static func facts() throws -> Runner<BootClock>.Host {
        var name = [CChar](repeating: 0, count: 256)
        let isNamed = gethostname(&name, name.count - 1) == 0
        let hostname =
            isNamed
            ? name.withUnsafeBufferPointer {
                String(decoding: $0.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            } : "unknown"
        return Runner<BootClock>.Host(
            name: hostname, bootID: try BootID.current().description,
            cores: ProcessInfo.processInfo.activeProcessorCount)
    }

    /// How this host has programs started: by its service manager if there is one for us.
    static var processLauncher: ProcessLauncher {
        guard let manager = ServiceManager.ofSystem(), let path = try? readLink("/proc/self/exe") else {
            return ServiceManager.ownService().map { .nobody(inService: $0) } ?? .children(ProcessSpawner())
        }
        // Replaced while it runs, the new program is the one to start.
        let program = ByteText(path).withoutDeletedMark.description
        // The manager gives several, separated by colons (systemd.exec(5)).
        let directory = environment["RUNTIME_DIRECTORY"]?.split(separator: ":").first.map(String.init)
        return .units(
            UnitLauncher(
                manager: manager, helper: [program, LaunchCommand.name],
                directory: FilePath(directory ?? "/run/clevagent-runner")))
    }

    /// Runs the program's work as a task, and returns when it is done. What does not block runs on the group's one thread,
    /// what may block for a moment on the loop's.
    ///
    /// - Throws: `ExitCode` when the limit on open files is too low for anything, before anything is opened.
    static func run(
        _ work: @escaping @Sendable (any EventLoopGroup, SystemSupport.EventLoop, OpenFileLimit) async throws -> Void
    ) throws {
        let openFiles = OpenFileLimit.raise()
        guard openFiles.available >= OpenFileLimit.least else {
            complain(openFiles.complaint(targets: 1))
            throw ExitCode(78)
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = try SystemSupport.EventLoop()
        try GlobalTasks.run(on: group.next()) { try await work(group, loop, openFiles) }
    }

    /// A terminal that goes away, a log reader that ends or a signal that means nothing here must not end the supervision.
    /// What is started gets the standard dispositions (`clevagent_become`).
    static func ignoreSignals() {
        for number in [SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM] { signal(number, SIG_IGN) }
    }

    /// One line on standard error, as programs do it.
    static func complain(_ line: String) {
        _ = try? FileDescriptor.standardError.writeAll("clevagent-runner: \(line)\n".utf8)
    }

    /// The group that may ask how the targets are, if the host has it.
    static let readingGroup = "clevagent"

    /// What tells this machine from a copy of its disk (machine-id(5)).
    static func machineID(hostname: String) -> String { machineID ?? hostname }

    private static var machineID: String? {
        guard let data = try? Data(contentsOf: URL(filePath: "/etc/machine-id")) else { return nil }
        let id = String(decoding: data, as: UTF8.self).prefix { $0.isHexDigit }
        return id.isEmpty ? nil : String(id)
    }
}

extension OpenFileLimit {
    /// What is against watching as much as this; nothing if it can be done.
    func problems(_ configuration: RunnerConfiguration) -> [ConfigurationProblem] {
        let count = configuration.targets.count
        return needed(targets: count) <= available ? [] : [ConfigurationProblem(.file, complaint(targets: count))]
    }

    /// What to say when so many targets can't be watched with it.
    func complaint(targets: Int) -> String {
        "\(targets) target\(targets == 1 ? " takes" : "s take") up to \(needed(targets: targets)) open files, and the limit "
            + "is \(available): raise it (ulimit -Hn, or LimitNOFILE= in the unit)"
    }
}
