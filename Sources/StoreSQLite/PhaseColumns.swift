import ServerDomain
import WireProtocol

/// How an instance's phase stands in its two columns.
enum PhaseColumns {
    static func write(_ phase: Instance.Phase) -> (phase: String, status: String?) {
        switch phase {
        case .heard(let status): ("heard", status.rawValue)
        case .awaited: ("awaited", nil)
        case .left: ("left", nil)
        case .silent: ("silent", nil)
        case .removed: ("removed", nil)
        }
    }

    /// Reads a phase back; deadlines are given anew by the fleet, so none is stored.
    static func read(phase: String, status: String?) -> Instance.Phase {
        switch phase {
        case "heard": .heard(status.flatMap(HeartbeatStatus.init(rawValue:)) ?? .warning)
        case "awaited": .awaited(until: .zero)
        case "left": .left
        case "silent": .silent
        default: .removed
        }
    }

    static func readRunner(state: String, reason: String?, silentSince: Int64?) -> Runner.State {
        switch state {
        case "starting": .starting
        case "stopped": .stopped(reason: reason)
        case "silent":
            .silent(since: Moment(steady: .zero, wall: WireTime(millisecondsSince1970: silentSince ?? 0)))
        default: .running
        }
    }
}
