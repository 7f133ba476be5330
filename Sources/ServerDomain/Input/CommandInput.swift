package import WireProtocol

/// The body of `POST /agents/{id}/commands`, with everything that is wrong with it.
package struct CommandInput: Decodable, Sendable {
    package var action: CommandAction?
    package var runner: RunnerID?
    package var errors: [APIError.Field]

    package init(from decoder: any Decoder) throws {
        var fields = FieldReader(try decoder.container(keyedBy: Key.self))
        let before = fields.errors.count
        let word = fields.value(.action, String.self, expected: "restart or stop")
        action = word.flatMap(CommandAction.init(rawValue:))
        if action == nil, fields.errors.count == before { fields.complain(.action, "must be restart or stop") }
        let rawRunner = fields.text(.runnerID, upTo: 64)
        runner = rawRunner.flatMap(RunnerID.init(rawValue:))
        if rawRunner != nil, runner == nil { fields.complain(.runnerID, "must be a runner's id") }
        errors = fields.errors
    }

    private enum Key: String, CodingKey {
        case action
        case runnerID = "runner_id"
    }
}

/// The body of `POST /commands/{id}/result`, with everything that is wrong with it.
package struct ResultInput: Decodable, Sendable {
    package var status: CommandResult.Status?
    package var message: String?
    package var errors: [APIError.Field]

    package init(from decoder: any Decoder) throws {
        var fields = FieldReader(try decoder.container(keyedBy: Key.self))
        let expected = "completed, failed or rejected"
        let before = fields.errors.count
        let word = fields.value(.status, String.self, expected: expected)
        status = word.flatMap(CommandResult.Status.init(rawValue:))
        if status == nil, fields.errors.count == before { fields.complain(.status, "must be \(expected)") }
        message = fields.freeText(.message, keeping: WireLimits.message)
        errors = fields.errors
    }

    private enum Key: String, CodingKey {
        case status, message
    }
}
