import Hummingbird

/// The fields of a posted form.
struct FormBody: Sendable {
    private var fields: [String: String] = [:]

    /// Reads a small `application/x-www-form-urlencoded` body.
    init(_ request: Request) async throws {
        guard let buffer = try? await request.body.collect(upTo: 16 * 1024) else {
            throw APIRefusal(.contentTooLarge, "The form is too large")
        }
        fields = (try? URLEncodedFormDecoder().decode([String: String].self, from: String(buffer: buffer))) ?? [:]
    }

    subscript(_ name: String) -> String? { fields[name] }
}
