import FoundationEssentials
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Runs `body` with a systemd that is ended afterwards.
func withPrivateSystemd<Result>(
    showing programs: [String] = [], hasBus: Bool = false, _ body: (PrivateSystemd) async throws -> Result
) async throws -> Result {
    let systemd = try await PrivateSystemd(showing: [BuiltProgram.runner.path] + programs, hasBus: hasBus)
    do {
        let result = try await body(systemd)
        await systemd.end()
        return result
    } catch {
        await systemd.end()
        throw error
    }
}

extension Trait where Self == ConditionTrait {
    /// Skipped where no systemd can be booted; in CI that is a failure.
    static var needsSystemd: Self {
        let canBoot =
            geteuid() == 0 && access("/lib/systemd/systemd", X_OK) == 0
            && (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8))?.contains(" cgroup2 ") == true
        return .enabled(
            if: canBoot || getenv("CI") != nil, "boots a systemd: needs root, the package systemd, and cgroup2")
    }
}
