import HTTPTypes
import Hummingbird
import ServerDomain
import WireProtocol

/// A request that is answered with an error: a status and `{"detail": …}`.
struct APIRefusal: Error {
    var status: HTTPResponse.Status
    var body: APIError
    var headers: HTTPFields = [:]

    init(_ status: HTTPResponse.Status, _ detail: String, headers: HTTPFields = [:]) {
        self.status = status
        body = APIError(detail: detail)
        self.headers = headers
    }

    /// 422 with one entry a field.
    init(invalid fields: [APIError.Field]) {
        status = .unprocessableContent
        body = APIError(detail: fields.summary, errors: fields)
    }

    /// 422 for one field.
    init(invalid field: String, _ message: String) {
        self.init(invalid: [APIError.Field(field: field, message: message)])
    }

    static let unauthorized = APIRefusal(.unauthorized, "Missing or invalid API key")

    static func tooManyRequests(retryAfter seconds: Int) -> APIRefusal {
        APIRefusal(.tooManyRequests, "Rate limit exceeded", headers: [.retryAfter: "\(seconds)"])
    }

    /// The store did not take it, or the server goes down: worth trying again.
    static let unavailable = APIRefusal(
        .serviceUnavailable, "The server cannot write at the moment; try again", headers: [.retryAfter: "1"])

    /// Finds the refusal for whatever a handler threw; nil when it is a fault of ours.
    init?(_ error: any Error) {
        switch error {
        case let refusal as APIRefusal: self = refusal
        case is FleetServiceError: self = .unavailable
        case let error as HTTPError:
            self.init(error.status, error.body ?? error.status.reasonPhrase, headers: error.headers)
        default: return nil
        }
    }
}
