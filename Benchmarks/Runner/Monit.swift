import Glibc
import TestSupport

/// Debian's monit, for scale: it looks at PID files, too, every 30 s, and reports to nobody.
struct Monit: Sendable {
    /// `nil` where it is not installed.
    static var program: String? { ["/usr/bin/monit", "/bin/monit"].first { access($0, X_OK) == 0 } }

    let program: String
    let directory: String

    func start(_ run: String, watching pidFiles: [String]) throws -> ChildProcess {
        let home = "\(directory)/monit-\(run)"
        mkdir(home, 0o700)
        let checks = pidFiles.enumerated().map { "check process target-\($0) with pidfile \($1)\n" }
        let settings = """
            set daemon 30
            set log \(home)/log
            set pidfile \(home)/pid
            set idfile \(home)/id
            set statefile \(home)/state

            """
        guard let file = fopen(home + "/monitrc", "w") else { throw BenchmarkError.cannotWrite(home) }
        fputs(settings + checks.joined(), file)
        fclose(file)
        chmod(home + "/monitrc", 0o600)
        return try ChildProcess([program, "-I", "-c", home + "/monitrc"], output: .file(home + "/output"))
    }
}
