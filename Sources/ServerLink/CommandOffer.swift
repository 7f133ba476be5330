package import WireProtocol

/// The answer to `GET /commands`, read item by item: one that is not as it should be never costs its neighbours.
package struct CommandOffer: Sendable, Hashable {
    package var commands: [Command]
    /// What was wrong with the others, one line each.
    package var problems: [String]

    package init(commands: [Command] = [], problems: [String] = []) {
        self.commands = commands
        self.problems = problems
    }

    /// - Parameter body: nil when the answer was too long or broke off.
    package init(reading body: [UInt8]?) {
        guard let body else {
            self.init(problems: ["the answer to the command poll was longer than 1 MiB or broke off"])
            return
        }
        guard let items = WireJSON.decode([Item].self, from: body) else {
            self.init(problems: ["the answer to the command poll was not a JSON array"])
            return
        }
        self.init()
        for item in items {
            switch item.result {
            case .success(let command): commands.append(command)
            case .failure(let problem): problems.append(problem.words)
            }
        }
    }

    private struct Problem: Error {
        var words: String
    }

    private struct Item: Decodable {
        var result: Result<Command, Problem>

        init(from decoder: any Decoder) {
            guard let container = try? decoder.container(keyedBy: Command.CodingKeys.self) else {
                result = .failure(Problem(words: "a command that is not a JSON object"))
                return
            }
            func text(_ key: Command.CodingKeys) -> String? { try? container.decode(String.self, forKey: key) }
            guard let id = try? container.decode(Int64.self, forKey: .id) else {
                result = .failure(Problem(words: "a command without a whole number as its id"))
                return
            }
            guard let action = text(.action), let type = text(.type), let target = text(.target) else {
                result = .failure(Problem(words: "command \(id) without action, type and target as texts"))
                return
            }
            result = .success(
                Command(
                    id: id, action: action, type: type, target: target, agent: text(.agent),
                    issuedAt: text(.issuedAt).flatMap(WireTime.init(rfc3339:)),
                    expiresIn: try? container.decode(Double.self, forKey: .expiresIn)))
        }
    }
}
