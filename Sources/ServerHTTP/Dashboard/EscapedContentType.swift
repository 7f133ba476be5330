import Mustache

/// Escapes text for HTML by Unicode scalar.
///
/// The library's own escaping goes by grapheme: a quote followed by a combining accent is another `Character` than a
/// quote and slips through, out of the attribute it stands in. Agent names and messages are hostile input.
struct EscapedContentType: MustacheContentType {
    /// What templates say in their first line.
    static let name = "ESCAPED"

    func escapeText(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
            case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
            case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
            case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
            case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
