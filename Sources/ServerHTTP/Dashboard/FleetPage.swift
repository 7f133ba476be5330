import ServerDomain
import WireProtocol

/// All that the one page shows, as words.
struct FleetPage: Sendable {
    var title: String
    var headline: String
    var subline: String
    var mood: String
    var url: String
    var csrf: String
    var isEmpty: Bool
    var hasEvents: Bool
    var agents: [AgentRow]
    var events: [EventRow]

    init(_ fleet: Fleet, events records: [EventRecord], at now: Moment, url: String, csrf: String) {
        let views = fleet.agents.values.map { AgentView($0, in: fleet, at: now) }.sorted(by: Self.order)
        let open = Self.pending(in: fleet, at: now)
        agents = views.map { AgentRow($0, pending: open[$0.id], csrf: csrf) }
        events = records.map(EventRow.init)
        hasEvents = !records.isEmpty
        isEmpty = views.isEmpty
        self.url = url
        self.csrf = csrf
        let bad = views.count { $0.status == .down || $0.status == .error }
        let uneasy = views.count { $0.status == .warning || $0.status == .unknown }
        headline = Self.headline(bad: bad, uneasy: uneasy, of: views.count)
        mood = bad > 0 ? "bad" : uneasy > 0 ? "uneasy" : "good"
        title = bad > 0 ? "(\(bad)) ClevAgent" : "ClevAgent"
        subline = Self.subline(fleet, agents: views.count)
    }

    /// Trouble first, then by name.
    private static func order(_ first: AgentView, _ second: AgentView) -> Bool {
        let ranks = AgentStatus.allCases
        let one = ranks.firstIndex(of: first.status) ?? 0
        let other = ranks.firstIndex(of: second.status) ?? 0
        return one == other ? first.name < second.name : one < other
    }

    private static func headline(bad: Int, uneasy: Int, of count: Int) -> String {
        guard count > 0 else { return "No agents yet" }
        if bad > 0 {
            return count == 1
                ? "The agent needs attention" : "\(bad) of \(count) agents \(bad == 1 ? "needs" : "need") attention"
        }
        if uneasy > 0 { return "\(uneasy) of \(count) agents \(uneasy == 1 ? "is" : "are") uncertain" }
        return count == 1 ? "The agent is well" : "All \(count) agents are well"
    }

    private static func subline(_ fleet: Fleet, agents: Int) -> String {
        let states = fleet.runners.values.map(\.state.name)
        let living = states.count { $0 == "running" || $0 == "starting" }
        let lost = states.count { $0 == "silent" }
        var parts = ["\(agents) \(agents == 1 ? "agent" : "agents")"]
        parts.append("\(living) \(living == 1 ? "runner" : "runners")")
        if lost > 0 { parts.append("\(lost) \(lost == 1 ? "host" : "hosts") silent") }
        return parts.joined(separator: " · ")
    }

    private static func pending(in fleet: Fleet, at now: Moment) -> [AgentID: String] {
        var pending: [AgentID: String] = [:]
        for command in fleet.commands.values where CommandPolicy.isUnderway(command, at: now.steady) {
            let verb = command.action == .restart ? "Restart" : "Stop"
            pending[command.agent] = command.state == .queued ? "\(verb) queued" : "\(verb) under way"
        }
        return pending
    }
}

/// One agent on the page.
struct AgentRow: Sendable {
    var id: Int64
    var name: String
    var status: String
    var label: String
    var message: String
    var hasMessage: Bool
    var heartbeat: String
    var hasHeartbeat: Bool
    var restarts: Int64
    var memory: String
    var hosts: String
    var pending: String
    var isPending: Bool
    var isRestartable: Bool
    var whyNot = "No runner watches this agent now, so nobody could restart it"
    var csrf: String

    init(_ view: AgentView, pending: String?, csrf: String) {
        id = view.id.rawValue
        name = view.name
        status = view.status.rawValue
        label = Self.label(view.status)
        message = view.message ?? ""
        hasMessage = !message.isEmpty
        heartbeat = view.lastHeartbeat?.rfc3339 ?? ""
        hasHeartbeat = view.lastHeartbeat != nil
        restarts = view.today.restarts
        memory = view.memoryMB.map { "\(Int64(clamping: $0)) MiB" } ?? "–"
        hosts = view.hostnames.isEmpty ? "–" : view.hostnames.joined(separator: ", ")
        self.pending = pending ?? ""
        isPending = pending != nil
        isRestartable = view.isRestartable
        self.csrf = csrf
    }

    private static func label(_ status: AgentStatus) -> String {
        switch status {
        case .down: "Down"
        case .error: "Error"
        case .warning: "Warning"
        case .unknown: "Unknown"
        case .ok: "OK"
        case .shutdown: "Stopped"
        }
    }
}

/// One event on the page.
struct EventRow: Sendable {
    var at: String
    var kind: String
    var subject: String
    var message: String
    var tone: String

    init(_ record: EventRecord) {
        at = record.at.rfc3339
        kind = record.kind.split(separator: "_").joined(separator: " ")
        subject = record.agentName ?? ""
        message = record.message ?? record.data.action ?? ""
        switch record.kind {
        case "died", "exited", "unhealthy", "missing", "restart_failed", "crash_loop", "silent", "runner_silent",
            "command_failed", "command_rejected", "command_expired":
            tone = "bad"
        case "restarted", "recovered", "heard_again", "started", "resumed", "command_completed":
            tone = "good"
        default: tone = "plain"
        }
    }
}

extension Int64 {
    /// Rounds; what does not fit becomes the nearest that does.
    init(clamping value: Double) {
        self = Int64(exactly: value.rounded()) ?? (value > 0 ? .max : 0)
    }
}
