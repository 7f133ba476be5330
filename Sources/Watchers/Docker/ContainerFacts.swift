import FoundationEssentials
package import Supervision
import SystemSupport

/// What `docker inspect` tells of a container, as far as it matters here.
package struct ContainerFacts: Sendable, Hashable {
    package enum Status: Sendable, Hashable {
        case created, running, paused, restarting, removing, exited
        case other(String)
    }

    package var id: String
    /// Without the slash that Docker writes before it.
    package var name: String
    package var status: Status
    /// Of its first process, on the engine's host.
    package var pid: Int32?
    package var exitCode: Int32
    package var wasOutOfMemory: Bool
    /// What the engine says of a start that failed.
    package var error: String?
    package var startedAt: EngineTime?
    package var finishedAt: EngineTime?
    /// `starting`, `healthy`, `unhealthy`; nil when it has no health check.
    package var health: String?
    /// What the last health check wrote.
    package var healthOutput: String?
    package var restartCount: Int64
    /// Its own restart policy; nil for none.
    package var restartPolicy: String?
    /// How often that policy restarts it; nil without a limit.
    package var mostRestarts: Int64?
    package var stopSignal: Int32
    package var stopTimeout: Duration

    package static let defaultStopTimeout = Duration.seconds(10)

    package init(id: String, name: String, status: Status) {
        self.id = id
        self.name = name
        self.status = status
        exitCode = 0
        wasOutOfMemory = false
        restartCount = 0
        stopSignal = StopSignal.standard
        stopTimeout = Self.defaultStopTimeout
    }

    /// Reads a line; nil when it is no container.
    package init?(parsing line: [UInt8]) {
        guard let facts = try? JSONDecoder().decode(Inspected.self, from: Data(line)).facts, !facts.id.isEmpty
        else { return nil }
        self = facts
    }

    /// Reads an array of containers; nil when one of them is none.
    static func all(parsing text: [UInt8]) -> [ContainerFacts]? {
        let all = try? JSONDecoder().decode([Inspected].self, from: Data(text)).map(\.facts)
        return all.flatMap { $0.contains { $0.id.isEmpty } ? nil : $0 }
    }

    /// The life that it has, or had last; nil when it was never started.
    package var identity: Identity? {
        guard let startedAt else { return nil }
        let sinceBoot = Duration.nanoseconds(startedAt.nanosecondsSince1970) - WallTime.boot.sinceEpoch
        return Identity(
            token: "\(id)@\(startedAt.nanosecondsSince1970)", pid: pid,
            began: sinceBoot >= .zero ? BootInstant(sinceBoot: sinceBoot) : nil)
    }

    /// Whether its own restart policy starts it again after this end.
    package func restartsItself(after exitCode: Int32) -> Bool {
        switch restartPolicy {
        case nil: false
        case "on-failure": exitCode != 0 && mostRestarts.map { restartCount < $0 } ?? true
        case .some: true
        }
    }

    /// Whether it is the one that a target's name means: by its name, or by the beginning of its id as Docker shows it.
    package func isMeant(by name: String) -> Bool {
        self.name == name || (name.utf8.count >= Self.shortID && id.hasPrefix(name))
    }

    private static let shortID = 12
}

private struct Inspected: Decodable {
    var facts: ContainerFacts

    init(from decoder: any Decoder) throws {
        let object = try decoder.container(keyedBy: AnyKey.self)
        let state = try object.nestedContainer(keyedBy: AnyKey.self, forKey: "State")
        let name = object.text("Name") ?? ""
        facts = ContainerFacts(
            id: object.text("Id") ?? object.text("ID") ?? "",
            name: name.hasPrefix("/") ? String(name.dropFirst()) : name,
            status: .init(engineWord: state.text("Status") ?? ""))
        facts.restartCount = object.number("RestartCount") ?? 0
        let policy = object.object("HostConfig")?.object("RestartPolicy")
        facts.restartPolicy = policy?.text("Name").flatMap { ["", "no"].contains($0) ? nil : $0 }
        facts.mostRestarts = policy?.number("MaximumRetryCount").flatMap { $0 > 0 ? $0 : nil }
        read(state)
        if let config = object.object("Config") { read(config: config) }
        if let health = state.object("Health") { read(health: health) }
    }

    private mutating func read(_ state: KeyedDecodingContainer<AnyKey>) {
        facts.pid = state.number("Pid").flatMap { Int32(exactly: $0) }.flatMap { $0 > 0 ? $0 : nil }
        facts.exitCode = state.number("ExitCode").flatMap { Int32(exactly: $0) } ?? 0
        facts.wasOutOfMemory = state.flag("OOMKilled") ?? false
        facts.error = state.text("Error").flatMap { $0.isEmpty ? nil : $0 }
        facts.startedAt = state.text("StartedAt").flatMap { EngineTime(rfc3339: $0) }
        facts.finishedAt = state.text("FinishedAt").flatMap { EngineTime(rfc3339: $0) }
    }

    private mutating func read(config: KeyedDecodingContainer<AnyKey>) {
        let named = config.text("StopSignal").flatMap { StopSignal($0) }?.number
        let numbered = config.number("StopSignal").flatMap { Int32(exactly: $0) }
        facts.stopSignal = named ?? numbered ?? facts.stopSignal
        if let seconds = config.number("StopTimeout"), (0...86_400).contains(seconds) {
            facts.stopTimeout = .seconds(seconds)
        }
    }

    private mutating func read(health: KeyedDecodingContainer<AnyKey>) {
        facts.health = health.text("Status").flatMap { ["", "none"].contains($0) ? nil : $0 }
        guard var log = try? health.nestedUnkeyedContainer(forKey: "Log") else { return }
        while !log.isAtEnd, let check = try? log.nestedContainer(keyedBy: AnyKey.self) {
            facts.healthOutput = check.text("Output")
        }
    }
}

extension ContainerFacts.Status {
    fileprivate init(engineWord word: String) {
        self =
            switch word {
            case "created", "configured", "initialized": .created
            case "running": .running
            case "paused": .paused
            case "restarting": .restarting
            case "removing": .removing
            // `dead`: it could not be removed. `stopped` is podman's.
            case "exited", "dead", "stopped": .exited
            default: .other(word)
            }
    }
}
