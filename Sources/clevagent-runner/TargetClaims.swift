import ArgumentParser
import Logging
import NIOConcurrencyHelpers
import RunnerKit
import Supervision
import SystemPackage
import SystemSupport

/// What this runner claims of the host: two runners on one process would start it twice (docs/decisions/0013-claims.md).
struct TargetClaims {
    /// EX_TEMPFAIL (sysexits.h): once the other runner has ended, it can be had.
    private static let exitStatus: Int32 = 75

    private typealias Target = (target: WatchedTarget, settings: TargetSettings)

    private let claims: HostClaims
    /// The names of the process targets that are claimed.
    private let names: NIOLockedValueBox<Set<String>>

    /// Claims the runner's id and every process target, until the program ends.
    ///
    /// - Returns: nil, and says so if it matters, when this user has no place for claims.
    /// - Throws: `ExitCode`, after a line for each target that another runner has, or for the id.
    static func take(_ configuration: RunnerConfiguration, runnerID: String, logger: Logger) throws -> TargetClaims? {
        let targets = configuration.targets.filter { $0.target.id.kind == .process }
        do {
            guard let claims = try claims() else {
                guard !targets.isEmpty else { return nil }
                logger.notice(
                    "That no other runner watches the same processes is not seen to: XDG_RUNTIME_DIR is not set")
                return nil
            }
            _ = try claims.claim(place(of: configuration))
            guard try claims.claim("runner:\(runnerID)") else {
                Host.complain(
                    "the state directory \(configuration.stateDirectory) is a copy of that of another runner at work on this host: remove runner.json from the copy, and it is a runner of its own"
                )
                throw ExitCode(exitStatus)
            }
            let taken = try targets.filter { try !claims.claim(name(of: $0)) }
            guard taken.isEmpty else {
                for target in taken { Host.complain(complaint(target)) }
                throw ExitCode(exitStatus)
            }
            return TargetClaims(claims: claims, names: NIOLockedValueBox(Set(targets.map(name))))
        } catch let error as Errno {
            logger.notice(
                "That no other runner watches the same processes is not seen to", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Claims what is new among these targets, and gives back what is not among them; all of it or nothing.
    ///
    /// - Returns: what is against it: another runner has one.
    func adopt(_ configuration: RunnerConfiguration) -> [ConfigurationProblem] {
        let targets = configuration.targets.filter { $0.target.id.kind == .process }
        return names.withLockedValue { names in
            let new = targets.filter { !names.contains(Self.name(of: $0)) }
            let taken = new.filter { (try? claims.claim(Self.name(of: $0))) == false }
            let wanted = Set(targets.map(Self.name))
            let dropped =
                taken.isEmpty ? names.subtracting(wanted) : Set(new.map(Self.name)).subtracting(taken.map(Self.name))
            for name in dropped { try? claims.release(name) }
            if taken.isEmpty { names = wanted }
            return taken.map { ConfigurationProblem(.file, Self.complaint($0)) }
        }
    }

    /// What another runner has of these targets, a line each; nothing when it is the one of this state directory.
    static func warnings(_ configuration: RunnerConfiguration) -> [String] {
        guard let claims = try? claims(), (try? claims.isClaimed(place(of: configuration))) == false else { return [] }
        return configuration.targets
            .filter { $0.target.id.kind == .process && (try? claims.isClaimed(name(of: $0))) == true }
            .map(complaint)
    }

    private static func complaint(_ target: Target) -> String {
        "\(target.target.id) is watched by another runner of this user on this host: two would start it twice"
    }

    private static func claims() throws(Errno) -> HostClaims? {
        if Host.user == 0 { return try HostClaims(in: "/run/clevagent-runner") }
        guard let directory = Host.environment["XDG_RUNTIME_DIR"], directory.hasPrefix("/") else { return nil }
        return try HostClaims(in: FilePath(directory).appending("clevagent-runner"))
    }

    /// The same for every way to write the same target.
    private static func name(of target: Target) -> String {
        switch ProcessName(target.target.id.name) {
        case .pidFile(let path): "pidfile:\(FilePath(path).resolvingDirectory)"
        case .match(let text): "match:\(target.settings.user.map { "\($0)" } ?? ""):\(text)"
        }
    }

    private static func place(of configuration: RunnerConfiguration) -> String {
        "state:\(configuration.stateDirectory.resolvingDirectory)"
    }
}
