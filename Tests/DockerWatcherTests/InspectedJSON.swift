import DockerWatcher

/// What `docker inspect --format '{{json .}}'` of Docker 20.10.24 writes, without what is not read.
struct InspectedJSON {
    var id = String(repeating: "a", count: 64)
    var name = "bot"
    var status = "running"
    var pid = 4711
    var exitCode = 0
    var wasOutOfMemory = false
    var startedAt = "2026-11-24T10:00:00.5Z"
    var finishedAt = "0001-01-01T00:00:00Z"
    var health: String?
    var policy = "no"
    var restartCount = 0
    var mostRestarts = 0
    var stopSignal: String?
    var stopTimeout: Int?

    var text: String {
        let health =
            health.map { #", "Health": {"Status": "\#($0)", "Log": [{"Output": "first"}, {"Output": "no answer\n"}]}"# }
            ?? ""
        let signal = stopSignal.map { #""StopSignal": "\#($0)", "# } ?? ""
        let timeout = stopTimeout.map { #""StopTimeout": \#($0), "# } ?? ""
        return
            #"{"Id": "\#(id)", "Name": "/\#(name)", "RestartCount": \#(restartCount), "State": {"Status": "\#(status)", "#
            + #""Running": true, "OOMKilled": \#(wasOutOfMemory), "Pid": \#(pid), "ExitCode": \#(exitCode), "#
            + #""Error": "", "StartedAt": "\#(startedAt)", "FinishedAt": "\#(finishedAt)"\#(health)}, "#
            + #""HostConfig": {"RestartPolicy": {"Name": "\#(policy)", "MaximumRetryCount": \#(mostRestarts)}}, "#
            + #""Config": {\#(signal)\#(timeout)"Env": ["SECRET=x"]}}"#
    }

    var facts: ContainerFacts? { ContainerFacts(parsing: Array(text.utf8)) }

    /// The same container, ended.
    func ended(_ exitCode: Int, at time: String = "2026-11-24T10:05:00Z", outOfMemory: Bool = false) -> InspectedJSON {
        var json = self
        json.status = "exited"
        json.pid = 0
        json.exitCode = exitCode
        json.wasOutOfMemory = outOfMemory
        json.finishedAt = time
        return json
    }
}

extension DockerEvent {
    /// An event of the container of `InspectedJSON`.
    static func of(_ action: Action, _ time: String) -> DockerEvent {
        DockerEvent(
            action, container: InspectedJSON().id, name: InspectedJSON().name, at: EngineTime(rfc3339: time))
    }
}
