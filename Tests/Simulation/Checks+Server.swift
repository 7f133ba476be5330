import RunnerKit
import ServerDomain
import ServerLink
import Supervision
import WireProtocol

// What goes over the wire, and what the server makes of it.
extension Checks {
    func sends(_ request: ServerRequest, _ life: RunnerLife) {
        let host = life.host
        if let earliest = life.notBefore[request.group], world.now < earliest, !life.isStopping {
            violated(.patience, "\(request.path) \((earliest - world.now).text) too early")
        }
        guard let body = request.body, !host.disk.isBehind else { return }
        for id in Self.eventIDs(in: body) where !host.disk.isKept(id) { violated(.toldAfterDisk, id) }
    }

    func hears(_ reply: ServerReply, to request: ServerRequest, _ life: RunnerLife) {
        guard case .answer(let status, let after, _) = reply else { return }
        world.trace.count("answer: \(status)")
        if let after, status == 429 || status == 503 { life.notBefore[request.group] = world.now + Moment(after) }
    }

    /// An answer leaves the server.
    func answers(_ reply: ServerReply, to request: ServerRequest, from runner: String) {
        guard case .answer(let status, _, _) = reply, let body = request.body else { return }
        let ids = Self.eventIDs(in: body)
        switch status {
        case 200:
            for id in ids where store.eventKeys[EventKey(project: SimulatedServer.project, eventID: id)] == nil {
                violated(.acknowledged, id)
            }
        case 422:
            guard ids.count == 1, let id = ids.first, Self.count("\"agent\":", in: body) == 1 else { return }
            setAside.insert(id)
            // Not what the disk has of it: a disk that fails may have nothing.
            if let pid = Self.number(after: #""pid":"#, in: body) { setAsidePIDs.insert(pid) }
        default: break
        }
    }

    /// The server's disk has this.
    func committed(_ changes: FleetChanges) {
        let now = serverMachine.steady
        for heartbeat in changes.heartbeats where !heartbeat.isLate {
            lastHeard[InstanceID(agent: heartbeat.agent, runner: heartbeat.runner)] = now
            if let runner = heartbeat.runner { lastHeardRunner[runner] = now }
            dated(heartbeat)
        }
        for event in changes.events {
            world.trace.count("event: \(event.kind)")
            world.trace.note(
                "history: \(event.kind) \(event.agentName ?? "") \(event.data.pid ?? 0) \(event.message ?? "")")
            falselyDown(event, now)
        }
    }

    private func falselyDown(_ event: EventRecord, _ now: Duration) {
        guard let runner = event.runner, let host = hosts.first(where: { $0.runnerID == runner.rawValue }) else {
            return
        }
        if event.kind == ServerEventKind.silent.rawValue, let agent = event.agent,
            let heard = lastHeard[InstanceID(agent: agent, runner: runner)],
            now - heard < host.interval * 2 + .seconds(5) - .milliseconds(100)
        {
            violated(.notFalselyDown, "\(event.agentName ?? "") was heard \(now - heard) ago")
        }
        if event.kind == ServerEventKind.runnerSilent.rawValue, let heard = lastHeardRunner[runner],
            now - heard < host.interval
        {
            violated(.notFalselyDown, "\(host.machine.name) was heard \(now - heard) ago")
        }
    }

    /// The way to the server is the only thing that may make an event look later than it was.
    private func dated(_ heartbeat: HeartbeatRecord) {
        guard let id = heartbeat.report.eventID, let runner = heartbeat.runner,
            let host = hosts.first(where: { $0.runnerID == runner.rawValue }),
            let change = host.disk.changes[id], change.bootID == host.bootID
        else { return }
        let happened = host.machine.bootedAt + Moment(change.observed.sinceBoot)
        // What was dated before a step may be committed after it.
        var wrong = [serverMachine.wallError]
        if world.now - serverStep.at < .seconds(1) { wrong.append(serverStep.before) }
        let errors = wrong.map { wallError in
            let truth = World.beginning.advanced(by: (happened + wallError).duration)
            return heartbeat.at.millisecondsSince1970 - truth.millisecondsSince1970
        }
        if errors.allSatisfy({ $0 < -50 || ($0 > 60_000 && !serverSlept) }) {
            violated(.dated, "\(id) by \(errors) ms")
        }
    }

    // MARK: - Bodies, read without JSON

    static func eventIDs(in body: [UInt8]) -> [String] {
        let key = Array(#""event_id":""#.utf8)
        let quote = UInt8(ascii: "\"")
        var ids: [String] = []
        var place = 0
        while place + key.count <= body.count {
            guard body[place] == quote, body[place..<(place + key.count)].elementsEqual(key) else {
                place += 1
                continue
            }
            let id = body[(place + key.count)...].prefix { $0 != quote }
            ids.append(String(decoding: id, as: UTF8.self))
            place = id.endIndex
        }
        return ids
    }

    static func number(after part: String, in body: [UInt8]) -> Int? {
        let parts = String(decoding: body, as: UTF8.self).split(
            separator: part, maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 ? Int(parts[1].prefix { $0.isNumber }) : nil
    }

    static func count(_ part: String, in body: [UInt8]) -> Int {
        String(decoding: body, as: UTF8.self).split(separator: part, omittingEmptySubsequences: false).count - 1
    }
}

extension ServerRequest {
    /// What has a pace of its own.
    fileprivate var group: String {
        method == .get ? "poll" : path.hasPrefix(WirePath.heartbeat) ? "heartbeats" : "results"
    }
}
