package import WireProtocol

/// One heartbeat as it came, judged: a report, or everything that is wrong with it.
///
/// Decoding never fails on a field, so one bad item of a batch costs its neighbours nothing and nothing is read twice.
package struct HeartbeatInput: Decodable, Sendable {
    /// Why a heartbeat was refused.
    package struct Refusal: Error, Sendable, Hashable {
        package var fields: [APIError.Field]
    }

    /// The name it gave, if that much could be read; echoed in a batch's answer.
    package var agent: String?
    package var result: Result<HeartbeatReport, Refusal>

    package init(from decoder: any Decoder) throws {
        guard let container = try? decoder.container(keyedBy: Key.self) else {
            let complaint = APIError.Field(field: "heartbeat", message: "must be an object")
            result = .failure(Refusal(fields: [complaint]))
            return
        }
        var fields = FieldReader(container)
        let report = Self.read(&fields)
        agent = report?.agent ?? (try? container.decodeIfPresent(String.self, forKey: .agent)) ?? nil
        agent = agent?.withoutNulls.keeping(WireLimits.agentName)
        if let report, fields.errors.isEmpty {
            result = .success(report)
        } else {
            result = .failure(Refusal(fields: fields.errors))
        }
    }

    enum Key: String, CodingKey {
        case agent, status, message, interval, seq, event
        case tokensUsed = "tokens_used"
        case toolCalls = "tool_calls"
        case iterationCount = "iteration_count"
        case costUSD = "cost_usd"
        case memoryMB = "memory_mb"
        case agentType = "agent_type"
        case customData = "custom_data"
        case toolCallLog = "tool_call_log"
        case promptHashes = "prompt_hashes"
        case restartType = "restart_type"
        case restartTarget = "restart_target"
        case observedAt = "observed_at"
        case sentAt = "sent_at"
        case eventID = "event_id"
    }

    /// Reads every field, so that every complaint is found; nil when there is no usable name.
    private static func read(_ fields: inout FieldReader<Key>) -> HeartbeatReport? {
        let name = agentName(&fields)
        var report = HeartbeatReport(agent: name ?? "", status: status(&fields))
        report.message = fields.freeText(.message, keeping: WireLimits.message)
        report.tokensUsed = fields.count(.tokensUsed)
        report.toolCalls = fields.count(.toolCalls)
        report.iterationCount = fields.count(.iterationCount)
        report.costUSD = fields.amount(.costUSD)
        report.memoryMB = fields.amount(.memoryMB)
        report.agentType = fields.text(.agentType, upTo: 100)
        report.restartType = fields.text(.restartType, upTo: 100)
        report.restartTarget = fields.text(.restartTarget, upTo: 4096)
        report.interval = interval(&fields)
        report.observedAt = fields.time(.observedAt)
        report.sentAt = fields.time(.sentAt)
        report.seq = fields.count(.seq)
        report.eventID = fields.text(.eventID, upTo: WireLimits.eventID)
        report.event = fields.value(.event, EventInput.self, expected: "an object with a kind")?.event
        report.extra = ExtraInput.read(
            &fields, customData: .customData, toolCallLog: .toolCallLog, promptHashes: .promptHashes)
        return name == nil ? nil : report
    }

    private static func agentName(_ fields: inout FieldReader<Key>) -> String? {
        let before = fields.errors.count
        guard let name = fields.value(.agent, String.self, expected: "a string") else {
            if fields.errors.count == before { fields.complain(.agent, "is required") }
            return nil
        }
        guard !name.isEmpty, name.utf8.count <= WireLimits.agentName || name.count <= WireLimits.agentName,
            // A grapheme can be as long as its sender likes; a name cannot.
            name.utf8.count <= WireLimits.agentName * 16
        else {
            fields.complain(.agent, "must have 1 to \(WireLimits.agentName) characters")
            return nil
        }
        guard !name.hasControlCharacters else {
            fields.complain(.agent, "must not hold control characters")
            return nil
        }
        return name
    }

    private static func status(_ fields: inout FieldReader<Key>) -> HeartbeatStatus {
        let expected = "ok, warning, error or shutdown"
        guard let text = fields.value(.status, String.self, expected: expected) else { return .ok }
        guard let status = HeartbeatStatus(rawValue: text) else {
            fields.complain(.status, "must be \(expected)")
            return .ok
        }
        return status
    }

    private static func interval(_ fields: inout FieldReader<Key>) -> Duration? {
        guard let seconds = fields.value(.interval, Double.self, expected: "a number of seconds") else { return nil }
        guard seconds > 0, seconds <= 604_800 else {
            fields.complain(.interval, "must be more than 0 and at most 604800 seconds")
            return nil
        }
        return .seconds(seconds)
    }
}
