extension Heartbeat: JSONWritable {
    package func writeMembers(to writer: inout JSONWriter) {
        writer.member(CodingKeys.agent, agent)
        writer.member(CodingKeys.status, status.rawValue)
        writer.member(CodingKeys.message, message)
        writer.member(CodingKeys.memoryMB, memoryMB)
        writer.member(CodingKeys.agentType, agentType)
        writer.member(CodingKeys.restartType, restartType)
        writer.member(CodingKeys.restartTarget, restartTarget)
        writer.member(CodingKeys.interval, interval)
        writer.member(CodingKeys.observedAt, observedAt)
        writer.member(CodingKeys.sentAt, sentAt)
        writer.member(CodingKeys.seq, seq)
        writer.member(CodingKeys.eventID, eventID)
        writer.member(CodingKeys.event, event)
    }
}

extension HeartbeatEvent: JSONWritable {
    package func writeMembers(to writer: inout JSONWriter) {
        writer.member(CodingKeys.kind, kind.rawValue)
        writer.member(CodingKeys.exitCode, exitCode)
        writer.member(CodingKeys.signal, signal)
        writer.member(CodingKeys.oom, oom)
        writer.member(CodingKeys.pid, pid)
        writer.member(CodingKeys.attempt, attempt)
        writer.member(CodingKeys.nextAttemptIn, nextAttemptIn)
    }
}

extension HeartbeatBatch: JSONWritable {
    package func writeMembers(to writer: inout JSONWriter) {
        writer.member(CodingKeys.sentAt, sentAt)
        writer.member(CodingKeys.runner, runner)
        writer.member(CodingKeys.heartbeats, heartbeats)
    }
}

extension RunnerInfo: JSONWritable {
    package func writeMembers(to writer: inout JSONWriter) {
        writer.member(CodingKeys.id, id)
        writer.member(CodingKeys.hostname, hostname)
        writer.member(CodingKeys.version, version)
        writer.member(CodingKeys.bootID, bootID)
        writer.member(CodingKeys.state, state.rawValue)
        writer.member(CodingKeys.reason, reason)
    }
}
