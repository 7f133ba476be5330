/// When an ended target is started again.
package enum RestartPolicy: String, Sendable, Hashable, Codable, CaseIterable {
    /// After every end except a deliberate one.
    case unlessStopped = "unless-stopped"
    /// After a crash, a signal, an out-of-memory kill or an unknown end; not after exit 0 or 78 (EX_CONFIG, sysexits.h).
    case onFailure = "on-failure"
    /// Also after deliberate stops by others.
    case always
    case never

    /// Says whether a target that ended so is to be started again.
    package func restarts(after end: End) -> Bool {
        switch self {
        case .never: false
        case .always: true
        case .unlessStopped: !end.isDeliberate
        case .onFailure: !end.isDeliberate && end.cause.isFailure
        }
    }

    /// Says whether a living target that fails its health check is to be restarted.
    package var restartsUnhealthy: Bool {
        switch self {
        case .never: false
        case .unlessStopped, .onFailure, .always: true
        }
    }
}

extension End.Cause {
    fileprivate var isFailure: Bool {
        switch self {
        case .exit(code: 0), .exit(code: 78): false
        case .exit, .signal, .outOfMemory, .unknown: true
        }
    }
}
