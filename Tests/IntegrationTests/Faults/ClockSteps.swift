import FoundationEssentials
import SystemPackage
import SystemSupport
import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

/// The time of day as one program sees it, which a test can set (`Tests/Fixtures/clock-steps`). Nobody else's changes.
final class ClockSteps: Sendable {
    private static let size = 1024
    private let directory: FilePath

    init() throws {
        directory = try makeTemporaryDirectory("clevagent-clock")
        let file = try FileDescriptor.open(
            path, .writeOnly, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
        try file.closeAfter { _ = try file.writeAll([UInt8](repeating: 0, count: Self.size)) }
    }

    deinit { try? FileManager.default.removeItem(atPath: directory.string) }

    private var path: FilePath { directory.appending("steps") }

    /// What the program is to be started with.
    var environment: [String: String] {
        ["LD_PRELOAD": BuiltProgram.library("clock-steps"), "CLOCK_STEPS": path.string]
    }

    /// Has the program's clock be that much ahead of the machine's from now on.
    func step(to ahead: Duration) throws {
        let file = try FileDescriptor.open(path, .readWrite, options: .closeOnExec)
        try file.closeAfter {
            var entries = [Int64](repeating: 0, count: Self.size / 8)
            _ = try entries.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: 0, into: $0) }
            guard let end = stride(from: 0, to: entries.count, by: 2).first(where: { entries[$0] == 0 }) else {
                throw FaultError(words: "no more steps fit in")
            }
            // The amount first: the moment makes it count.
            for (place, value) in [(end + 1, ahead), (end, WallTime.now.sinceEpoch)] {
                _ = try withUnsafeBytes(of: value.wholeNanoseconds) {
                    try file.writeAll(toAbsoluteOffset: Int64(place * 8), $0)
                }
            }
        }
    }
}

extension Duration {
    fileprivate var wholeNanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
