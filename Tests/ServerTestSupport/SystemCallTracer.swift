import Foundation

/// strace on a process, to see what reaches the disk before what reaches the network.
package final class SystemCallTracer {
    private static let strace = "/usr/bin/strace"
    private let process = Process()
    private let output: String

    /// Whether this machine can trace.
    package static var isAvailable: Bool { FileManager.default.isExecutableFile(atPath: strace) && geteuid() == 0 }

    /// Attaches, and returns once every call is seen.
    package init(process traced: Int32, output: String) throws {
        self.output = output
        process.executableURL = URL(filePath: Self.strace)
        let calls = "trace=pwrite64,fdatasync,fsync,write,writev,sendto,sendmsg"
        process.arguments = ["-f", "-y", "-e", calls, "-s", "20", "-o", output, "-p", "\(traced)"]
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        var told = Data()
        while !String(decoding: told, as: UTF8.self).contains("attached") {
            let more = errors.fileHandleForReading.availableData
            guard !more.isEmpty else { throw CocoaError(.fileReadUnknown) }
            told += more
        }
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// Detaches and returns what was seen.
    package func finish() throws -> String {
        // Not SIGINT: the children of a test process inherit a mask that blocks it. The kernel lets go of what a dead
        // tracer held, and strace writes each line out at once.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return try String(contentsOfFile: output, encoding: .utf8)
    }
}
