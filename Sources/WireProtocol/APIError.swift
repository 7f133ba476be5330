/// The body of every refusal: `{"detail": "…"}`, with one entry a field when the input was wrong.
package struct APIError: Sendable, Hashable, Codable {
    package struct Field: Sendable, Hashable, Codable {
        package var field: String
        package var message: String

        package init(field: String, message: String) {
            self.field = field
            self.message = message
        }
    }

    package var detail: String
    package var errors: [Field]?

    package init(detail: String, errors: [Field]? = nil) {
        self.detail = detail
        self.errors = errors
    }
}
