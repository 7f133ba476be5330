import CPlatformShims
import Glibc

extension LaunchPlan {
    /// Gives the plan in the form of `CPlatformShims`, for as long as `body` runs.
    func withCLaunch<Result>(_ body: (UnsafePointer<clevagent_launch>) -> Result) -> Result {
        let texts = CStrings([executable, directory])
        let arguments = CStrings(arguments)
        let environment = CStrings(environment)
        let outputs = [output, errorOutput].map { COutput($0) }
        let oomScore = oomScoreAdjustment.map { CStrings([ByteText(String($0))]) }
        let limits = limits.map { clevagent_limit(resource: $0.resource, soft: $0.soft, hard: $0.hard) }
        let groups = ids?.groups ?? []
        return withExtendedLifetime((texts, arguments, environment, outputs, oomScore)) {
            limits.withUnsafeBufferPointer { limits in
                groups.withUnsafeBufferPointer { groups in
                    var launch = clevagent_launch()
                    launch.executable = UnsafePointer(texts.pointer[0])
                    launch.directory = UnsafePointer(texts.pointer[1])
                    launch.arguments = UnsafePointer(arguments.pointer)
                    launch.environment = UnsafePointer(environment.pointer)
                    if let output = outputs.first { launch.output = output.value }
                    if let output = outputs.last { launch.error_output = output.value }
                    launch.umask = umask
                    launch.changes_ids = ids == nil ? 0 : 1
                    launch.user = ids?.user ?? 0
                    launch.group = ids?.group ?? 0
                    launch.groups = groups.baseAddress
                    launch.group_count = groups.count
                    launch.limits = limits.baseAddress
                    launch.limit_count = limits.count
                    launch.niceness = niceness ?? Int32(CLEVAGENT_NICENESS_UNCHANGED)
                    launch.oom_score_adjustment = UnsafePointer(oomScore?.pointer.pointee)
                    launch.no_new_privileges = hasNoNewPrivileges ? 1 : 0
                    return body(&launch)
                }
            }
        }
    }
}

/// An output with its path in memory of its own.
private final class COutput {
    let value: clevagent_output
    private let path: CStrings?

    init(_ file: OpenFile?) {
        // What is no regular file has no path that could be opened again, and is told as lost.
        path = file.map { CStrings([$0.isRegular ? $0.path : ""]) }
        value = clevagent_output(
            path: UnsafePointer(path?.pointer.pointee), device: file?.file.device ?? 0, inode: file?.file.inode ?? 0)
    }
}

/// An array of C strings that ends in nil, as execve(2) wants it.
private final class CStrings {
    let pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ texts: [ByteText]) {
        count = texts.count
        pointer = .allocate(capacity: count + 1)
        for (index, text) in texts.enumerated() {
            (pointer + index).initialize(to: strdup(text.bytes.map { CChar(bitPattern: $0) } + [0]))
        }
        (pointer + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { free(pointer[index]) }
        pointer.deallocate()
    }
}
