package import WireProtocol

/// The body of `POST /heartbeat/batch`: our object, or a bare array.
package struct BatchInput: Decodable, Sendable {
    package var heartbeats: [HeartbeatInput]
    package var sentAt: WireTime?
    package var runner: RunnerInput?
    /// What is wrong with the batch as a whole.
    package var errors: [APIError.Field]

    package init(from decoder: any Decoder) throws {
        heartbeats = []
        errors = []
        if let items = try? [HeartbeatInput](from: decoder) {
            heartbeats = items
        } else if let container = try? decoder.container(keyedBy: Key.self) {
            readObject(container)
        } else {
            errors = [APIError.Field(field: "body", message: "must be an object or an array of heartbeats")]
        }
        if errors.isEmpty { checkSize() }
    }

    private mutating func readObject(_ container: KeyedDecodingContainer<Key>) {
        var fields = FieldReader(container)
        let items = fields.value(.heartbeats, [HeartbeatInput].self, expected: "an array of heartbeats")
        if items == nil, fields.errors.isEmpty { fields.complain(.heartbeats, "is required") }
        heartbeats = items ?? []
        sentAt = fields.time(.sentAt)
        runner = fields.value(.runner, RunnerInput.self, expected: "an object")
        errors = fields.errors + (runner?.errors ?? [])
    }

    private mutating func checkSize() {
        let most = WireLimits.batchItems
        if heartbeats.count > most {
            errors.append(APIError.Field(field: "heartbeats", message: "must not have more than \(most) items"))
        } else if heartbeats.isEmpty, runner == nil {
            errors.append(APIError.Field(field: "heartbeats", message: "must have 1 to \(most) items"))
        }
    }

    private enum Key: String, CodingKey {
        case heartbeats, runner
        case sentAt = "sent_at"
    }
}

/// What a batch says of its sender.
package struct RunnerInput: Decodable, Sendable {
    package var id: RunnerID?
    package var hostname: String?
    package var version: String?
    package var bootID: String?
    package var state: RunnerInfo.State
    package var reason: String?
    package var errors: [APIError.Field]

    package init(from decoder: any Decoder) throws {
        var fields = FieldReader(try decoder.container(keyedBy: RunnerInfo.CodingKeys.self))
        let rawID = fields.text(.id, upTo: 64)
        id = rawID.flatMap(RunnerID.init(rawValue:))
        if rawID != nil, id == nil { fields.complain(.id, "must be 1 to 64 letters, digits, -, _, . or :") }
        hostname = fields.freeText(.hostname, keeping: 253)
        version = fields.freeText(.version, keeping: 100)
        bootID = fields.freeText(.bootID, keeping: 100)
        reason = fields.freeText(.reason, keeping: 500)
        state = .running
        let states = "starting, running or stopping"
        if let word = fields.value(.state, String.self, expected: states) {
            if let known = RunnerInfo.State(rawValue: word) {
                state = known
            } else {
                fields.complain(.state, "must be \(states)")
            }
        }
        errors = fields.errors.map { APIError.Field(field: "runner.\($0.field)", message: $0.message) }
    }
}
