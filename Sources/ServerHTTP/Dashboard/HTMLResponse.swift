import HTTPTypes
import Hummingbird
import NIOCore

/// Makes the responses that browsers see, each with the headers that keep a page to itself.
enum HTMLResponse {
    static let securityHeaders: HTTPFields = [
        .contentSecurityPolicy: """
        default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
        form-action 'self'; base-uri 'none'; frame-ancestors 'none'
        """,
        .xContentTypeOptions: "nosniff",
        // Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
        .referrerPolicy: "same-origin",
        .cacheControl: "no-store",
    ]

    /// Answers with a page.
    static func page(_ html: String, status: HTTPResponse.Status = .ok) -> Response {
        var headers = securityHeaders
        headers[.contentType] = "text/html; charset=utf-8"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
    }

    /// Sends the browser on after a post.
    static func redirect(to path: String, cookie: String? = nil) -> Response {
        var headers = securityHeaders
        headers[.location] = path
        headers[.contentLength] = "0"
        if let cookie { headers[.setCookie] = cookie }
        return Response(status: .seeOther, headers: headers)
    }
}

extension HTTPField.Name {
    static let referrerPolicy = HTTPField.Name("Referrer-Policy") ?? .xContentTypeOptions
}
