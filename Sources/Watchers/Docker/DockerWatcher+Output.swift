package import Supervision
import SystemSupport

extension DockerWatcher {
    /// What is kept of the engine's answer, in bytes.
    private static var longestTail: Int { 64 << 10 }

    /// What the engine has of the container's output: its standard output, then its standard error.
    ///
    /// The engine reads it with its own rights, from where it keeps it; a log driver without logs has none.
    package func lastOutput(of target: TargetID, lines: Int) async -> [UInt8]? {
        guard judges[target] != nil, let call = cli.logs(of: target.name, lines: lines) else { return nil }
        let result = await runner.run(call)
        guard result.end == .exited(0) else { return nil }
        let output = result.output + result.errorOutput
        guard output.count > Self.longestTail else { return output }
        let tail = output.suffix(Self.longestTail)
        return tail.firstIndex(of: UInt8(ascii: "\n")).map { Array(tail[$0...]) } ?? []
    }
}
