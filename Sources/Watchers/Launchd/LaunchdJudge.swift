package import Supervision

/// Says what an answer of launchd means for a target. A value: the same answers at the same times say the same.
package struct LaunchdJudge: Sendable, Hashable {
    /// launchd's own pause between two starts when it names none (launchd.plist(5), ThrottleInterval).
    private static let throttle = Duration.seconds(10)
    /// How much later than its pause launchd may come.
    private static let margin = Duration.seconds(5)
    /// How long launchd may take to collect what has ended.
    private static let collection = Duration.seconds(2)
    private static let firstPause = Duration.milliseconds(10)

    /// The life that was up when last seen.
    private var life: Identity?
    /// Since when it has been down, as far as we saw.
    private var downSince: BootInstant?
    /// Since when the kernel says that the life has ended, while launchd says that it runs.
    private var endedAt: BootInstant?
    /// How often in a row launchd could not be asked.
    private var failures = 0
    /// The property list it was last seen loaded from.
    package private(set) var path: String?

    package init() {}

    /// The process that it was last seen running as; nil when it was seen down.
    package private(set) var pid: Int32?
    /// That process is known to have ended.
    package var hasEnded: Bool { endedAt != nil }

    /// Takes what an earlier runner wrote down.
    package mutating func remember(path: String) {
        if self.path == nil, path.hasPrefix("/") { self.path = path }
    }

    /// Takes from the kernel that a process has ended. launchd may need a moment to collect it.
    package mutating func ended(_ pid: Int32, at now: BootInstant) {
        if pid == self.pid, endedAt == nil { endedAt = now }
    }

    /// When an answer would mean something else although launchd says the same; nil when time changes nothing.
    package private(set) var reconsider: BootInstant?

    /// - Parameter isDisabled: an administrator disabled it.
    package mutating func judge(
        _ answer: LaunchctlAnswer, isDisabled: Bool = false, at now: BootInstant
    ) -> Observation {
        reconsider = nil
        switch answer {
        case .unclear(let reason):
            failures += 1
            // 1, 2, 4 … 32 s.
            reconsider = now.advanced(by: .seconds(1 << min(failures - 1, 5)))
            return Observation(.undetermined("can't be judged: \(reason)"))
        case .notLoaded:
            (pid, endedAt, failures) = (nil, nil, 0)
            guard let life else {
                return Observation(
                    .missing("launchd has not loaded it"),
                    obstacle: path == nil ? "launchd has not loaded it: launchctl bootstrap it once" : nil)
            }
            let detail = isDisabled ? "it was disabled" : "it was taken out of launchd"
            return Observation(.dead(End(identity: life, cause: .unknown, isDeliberate: true, detail: detail)))
        case .loaded(let service):
            failures = 0
            path = service.path ?? path
            if let pid = service.pid, service.state == "running" || service.state == nil {
                let identity = Self.identity(pid, service)
                if identity == life, let endedAt { return notCollected(identity, since: endedAt, at: now) }
                (life, self.pid, downSince, endedAt) = (identity, pid, nil, nil)
                return Observation(.alive(identity))
            }
            (self.pid, endedAt) = (nil, nil)
            return down(service, isDisabled, at: now)
        }
    }

    /// How it ended is told when launchd knows it; that it ended, if launchd takes too long.
    private mutating func notCollected(
        _ identity: Identity, since endedAt: BootInstant, at now: BootInstant
    ) -> Observation {
        let passed = endedAt.duration(to: now)
        guard passed < Self.collection else {
            return Observation(.dead(End(identity: identity, cause: .unknown)))
        }
        // Each pause as long as all before it.
        reconsider = now.advanced(by: max(passed, Self.firstPause))
        return Observation(.alive(identity))
    }

    /// A PID may come again, a number of starts with it hardly.
    static func identity(_ pid: Int32, _ service: LaunchctlPrint) -> Identity {
        Identity(token: "launchd-\(pid)-\(service.runs ?? 0)", pid: pid)
    }

    private mutating func down(_ service: LaunchctlPrint, _ isDisabled: Bool, at now: BootInstant) -> Observation {
        let since = downSince ?? now
        downSince = since
        if ["spawn scheduled", "spawning", "xpcproxy"].contains(service.state) {
            return Observation(.handledElsewhere("is being started by launchd"))
        }
        if service.isKeptAlive, !isDisabled {
            let pause = service.minimumRuntime.map { Duration.seconds($0) } ?? Self.throttle
            let due = since.advanced(by: pause + Self.margin)
            if now < due {
                reconsider = due
                return Observation(
                    .handledElsewhere("is kept alive by launchd, which starts it within \(pause.components.seconds) s"))
            }
        }
        return Observation(.dead(end(service, isDisabled)))
    }

    private func end(_ service: LaunchctlPrint, _ isDisabled: Bool) -> End {
        switch service.lastExit {
        case .code(let code):
            End(identity: life, cause: .exit(code: code), isDeliberate: isDisabled)
        case .signal(let number):
            // HUP, INT and TERM are what somebody sends who wants it to end well.
            End(identity: life, cause: .signal(number), isDeliberate: isDisabled || [1, 2, 15].contains(number))
        case .never where service.runs == 0:
            End(identity: life, cause: .unknown, isDeliberate: isDisabled, detail: "launchd has not started it yet")
        case .never, nil: End(identity: life, cause: .unknown, isDeliberate: isDisabled)
        }
    }
}
