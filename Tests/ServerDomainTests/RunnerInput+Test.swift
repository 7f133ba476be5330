import FoundationEssentials
import ServerDomain

extension RunnerInput {
    /// What a batch of this runner would say.
    static func of(_ id: String, _ state: String) -> RunnerInput? {
        let json = #"{"id": "\#(id)", "hostname": "web-1", "version": "1.0", "state": "\#(state)", "reason": "why"}"#
        return try? JSONDecoder().decode(RunnerInput.self, from: Data(json.utf8))
    }
}

extension Decodable {
    /// Decodes a test's JSON.
    static func read(_ json: String) throws -> Self {
        try JSONDecoder().decode(Self.self, from: Data(json.utf8))
    }
}
