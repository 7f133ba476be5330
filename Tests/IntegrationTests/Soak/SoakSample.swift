import FoundationEssentials
import SystemSupport
import TestSupport

/// What the two programs held at a moment.
struct SoakSample: Sendable {
    /// What is measured, in the order of the report.
    enum Quantity: String, CaseIterable {
        case runnerMemory = "runner: RSS, KiB"
        case runnerFiles = "runner: file descriptors"
        case runnerThreads = "runner: threads"
        case runnerDisk = "runner: bytes of its state"
        case zombies = "runner: zombies"
        case serverMemory = "server: RSS, KiB"
        case serverFiles = "server: file descriptors"
        case serverThreads = "server: threads"
        case serverDisk = "server: bytes of its state"

        /// How much more is allowed at the end than at the beginning.
        ///
        /// The server keeps the history that it is told, so its disk is to grow.
        func bound(_ first: Int) -> Int? {
            switch self {
            // What an allocator keeps back, not what is lost once a death: that would be megabytes in an hour.
            case .runnerMemory: first + first / 10 + 4096
            case .serverMemory: first + first / 4 + 16384
            // A connection more or less, and what a start in hand holds.
            case .runnerFiles, .serverFiles: first + 12
            case .runnerThreads, .serverThreads: first + 2
            // What an outage leaves, and the journal is written anew when it is four times as long as it need be.
            case .runnerDisk: first * 2 + (4 << 20)
            // Those whose end is known and not yet asked for; at the end there must be none.
            case .zombies: 10
            case .serverDisk: nil
            }
        }
    }

    private(set) var values: [Quantity: Int] = [:]

    /// Reads /proc (proc_pid_status(5), proc_pid_fd(5)) and the state directories.
    init(_ world: FaultWorld) {
        let (runner, server) = (world.runner.id, world.server.process.id)
        let (ours, theirs) = (Self.status(runner), Self.status(server))
        values[.runnerMemory] = ours["VmRSS"]
        values[.runnerThreads] = ours["Threads"]
        values[.runnerFiles] = try? ProcFS().descriptorCount(of: runner)
        values[.runnerDisk] = Self.bytes(world.agents.path + "/state")
        values[.zombies] = try? ProcFS().table().count { $0.parent == runner && $0.isZombie }
        values[.serverMemory] = theirs["VmRSS"]
        values[.serverThreads] = theirs["Threads"]
        values[.serverFiles] = try? ProcFS().descriptorCount(of: server)
        values[.serverDisk] = Self.bytes(world.server.directory)
    }

    private static func status(_ pid: Int32) -> [String: Int] {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let pairs = text.split(separator: "\n").compactMap { line -> (String, Int)? in
            let words = line.split(whereSeparator: { $0 == ":" || $0 == "\t" || $0 == " " })
            guard let name = words.first, let value = words.dropFirst().first.flatMap({ Int($0) }) else { return nil }
            return (String(name), value)
        }
        return Dictionary(pairs) { first, _ in first }
    }

    private static func entries(_ path: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    }

    private static func bytes(_ directory: String) -> Int {
        entries(directory).reduce(0) { sum, name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: directory + "/" + name)
            return sum + (attributes?[.size] as? Int ?? 0)
        }
    }
}
