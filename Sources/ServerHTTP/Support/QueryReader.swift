import Hummingbird
import ServerDomain
import WireProtocol

/// Reads query parameters and keeps every complaint.
struct QueryReader {
    private let request: Request
    private(set) var errors: [APIError.Field] = []

    init(_ request: Request) { self.request = request }

    /// Reads an integer in a range; absent gives `fallback`.
    mutating func integer(_ name: String, in range: ClosedRange<Int64>, default fallback: Int64) -> Int64 {
        guard let text = request.uri.queryParameters[Substring(name)] else { return fallback }
        guard let number = Int64(text), range.contains(number) else {
            let upper = range.upperBound == .max ? "up" : "to \(range.upperBound)"
            errors.append(APIError.Field(field: name, message: "must be an integer from \(range.lowerBound) \(upper)"))
            return fallback
        }
        return number
    }

    /// Refuses the request if anything was wrong.
    func check() throws {
        guard errors.isEmpty else { throw APIRefusal(invalid: errors) }
    }
}
