import FoundationEssentials

/// One line of `docker events --format '{{json .}}'`, or of podman's, as far as it matters here.
package struct DockerEvent: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        case died(exitCode: Int32?)
        /// A signal was sent through the engine, by `docker kill`, `docker stop` or `docker rm -f`.
        case killed(signal: Int32?)
        /// Somebody's `docker stop` is done. It is all that tells of one that found nothing to signal.
        case stopped
        case removed
        case renamed
        /// The kernel's out-of-memory killer was at work in it.
        case outOfMemory
        /// It is to be looked at again.
        case changed
    }

    package var action: Action
    /// The container's full id.
    package var container: String
    package var name: String
    /// What it was called before it was renamed.
    package var formerName: String?
    package var at: EngineTime?

    package init(
        _ action: Action, container: String, name: String, formerName: String? = nil, at: EngineTime? = nil
    ) {
        self.action = action
        self.container = container
        self.name = name
        self.formerName = formerName
        self.at = at
    }

    /// Reads a line; nil for what is no event of a container, or of none that says anything about its life.
    package init?(parsing line: [UInt8]) {
        guard let event = try? JSONDecoder().decode(Line.self, from: Data(line)), event.isAboutContainer,
            let action = Action(event)
        else { return nil }
        self.init(
            action, container: event.container, name: event.name, formerName: event.formerName, at: event.at)
    }

    /// The values of `--filter event=` for what is read here; the health checks' own commands are events, too, and many.
    package static let filters = [
        "create", "destroy", "die", "died", "health_status", "kill", "oom", "pause", "remove", "rename", "start",
        "stop", "unpause", "update",
    ]
}

extension DockerEvent.Action {
    fileprivate init?(_ event: Line) {
        switch event.action {
        case "die", "died": self = .died(exitCode: event.exitCode)
        case "kill": self = .killed(signal: event.signal)
        case "oom": self = .outOfMemory
        case "stop": self = .stopped
        case "destroy", "remove": self = .removed
        case "rename": self = .renamed
        case "create", "pause", "restart", "start", "unpause", "update": self = .changed
        // `health_status: healthy`
        case let action where action.hasPrefix("health_status"): self = .changed
        default: return nil
        }
    }
}

/// Docker writes `Action`, `Actor` and `timeNano`; podman `Status`, `Name`, `ID` and `Time`.
private struct Line: Decodable {
    var isAboutContainer: Bool
    var action: String
    var container: String
    var name: String
    var formerName: String?
    var exitCode: Int32?
    var signal: Int32?
    var at: EngineTime?

    init(from decoder: any Decoder) throws {
        let line = try decoder.container(keyedBy: AnyKey.self)
        let actor = line.object("Actor")
        let attributes = actor?.object("Attributes") ?? line.object("Attributes")
        isAboutContainer = line.text("Type") == "container"
        action = line.text("Action") ?? line.text("status") ?? line.text("Status") ?? ""
        container = actor?.text("ID") ?? line.text("id") ?? line.text("ID") ?? ""
        name = attributes?.text("name") ?? line.text("Name") ?? ""
        formerName = attributes?.text("oldName").map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 }
        let code = attributes?.number("exitCode") ?? line.number("ContainerExitCode")
        exitCode = code.flatMap { Int32(exactly: $0) }
        signal = attributes?.number("signal").flatMap { Int32(exactly: $0) }
        if let nanoseconds = line.number("timeNano") {
            at = EngineTime(nanosecondsSince1970: nanoseconds)
        } else {
            at = line.text("Time").flatMap { EngineTime(rfc3339: $0) }
        }
    }
}
