import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import ServerDomain
import ServerTestSupport
import Testing

@Suite struct DashboardRouteTests {
    private static let form: HTTPFields = [.contentType: "application/x-www-form-urlencoded"]

    private func signIn(_ client: some TestClientProtocol, _ server: TestServer) async throws -> String {
        let token = try await server.token()
        let answer = try await client.execute(
            uri: "/sign-in", method: .post, headers: Self.form, body: ByteBuffer(string: "token=\(token.text)"))
        #expect(answer.status == .seeOther)
        let cookie = try #require(answer.headers[.setCookie])
        #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
        return String(cookie.prefix { $0 != ";" })
    }

    private func page(_ client: some TestClientProtocol, _ cookie: String) async throws -> String {
        try await client.execute(uri: "/", method: .get, headers: [.cookie: cookie]).text
    }

    private func csrf(in page: String) throws -> String {
        let field = try #require(page.firstRange(of: #"name="csrf" value=""#))
        return String(page[field.upperBound...].prefix { $0 != "\"" })
    }

    @Test func `Only the link's post signs in, and only once`() async throws {
        let server = try await TestServer()
        let token = try await server.token()
        try await server.app.test(.router) { client in
            #expect(try await client.execute(uri: "/", method: .get).status == .unauthorized)
            for _ in 0..<2 {
                let shown = try await client.execute(uri: "/sign-in?token=\(token.text)", method: .get)
                #expect(shown.status == .ok)
                #expect(shown.headers[.setCookie] == nil)
            }
            let body = ByteBuffer(string: "token=\(token.text)")
            let first = try await client.execute(uri: "/sign-in", method: .post, headers: Self.form, body: body)
            #expect(first.status == .seeOther)
            let second = try await client.execute(uri: "/sign-in", method: .post, headers: Self.form, body: body)
            #expect(second.status == .forbidden)
            #expect(second.headers[.setCookie] == nil)
        }
    }

    @Test func `Names and messages are shown, not obeyed`() async throws {
        let server = try await TestServer()
        let attacks = [
            #"<script>alert(1)</script>"#, #""><img src=x onerror=alert(1)>"#, #"' onmouseover='alert(1)"#,
            // The quote and its accent are one grapheme; an escaping by grapheme misses it.
            "\"\u{301} onmouseover=alert(1) x=\"\u{301}", "<\u{301}b>", "{{csrf}}", "&lt;b&gt;",
        ]
        try await server.app.test(.router) { client in
            for attack in attacks {
                let text = JSONValue.string(attack)
                _ = try await client.api(
                    .post, "/heartbeat", key: server.key, runner: "r1",
                    body: try JSONValue.object([
                        "agent": text, "message": text, "restart_type": text, "restart_target": text,
                        "event": .object(["kind": .string("died")]),
                    ]).written)
            }
            let page = try await page(client, try await signIn(client, server))
            #expect(page.contains("&lt;script&gt;alert(1)"))
            // By scalar: `contains` on a String goes by grapheme, as the hole did.
            let scalars = page.unicodeScalars.map(\.value)
            for text in ["<script>alert", "<img src=x", "\" onmouseover", "' onmouseover"] {
                let isThere = scalars.contains(text.unicodeScalars.map(\.value))
                #expect(!isThere, "\(text)")
            }
            let hasBareQuote = scalars.contains([0x22, 0x301])
            #expect(!hasBareQuote)
            let hasBareBracket = scalars.contains([0x3C, 0x301])
            #expect(!hasBareBracket)
        }
    }

    @Test func `The restart button needs session, token and the same origin`() async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            _ = try await client.api(
                .post, "/heartbeat", key: server.key, runner: "r1",
                body: #"{"agent": "bot", "restart_type": "process", "restart_target": "/run/bot.pid"}"#)
            let cookie = try await signIn(client, server)
            let token = try csrf(in: try await page(client, cookie))
            func press(_ headers: HTTPFields, _ body: String) async throws -> HTTPResponse.Status {
                var all = Self.form
                for field in headers { all.append(field) }
                return try await client.execute(
                    uri: "/agents/1/restart", method: .post, headers: all, body: ByteBuffer(string: body)
                ).status
            }
            #expect(try await press([:], "csrf=\(token)") == .unauthorized)
            #expect(try await press([.cookie: "clevagent=wrong"], "csrf=\(token)") == .unauthorized)
            #expect(try await press([.cookie: cookie], "") == .forbidden)
            #expect(try await press([.cookie: cookie], "csrf=wrong") == .forbidden)
            #expect(try await press([.cookie: cookie, .origin: "http://evil.com"], "csrf=\(token)") == .forbidden)
            #expect(try await press([.cookie: cookie, .origin: "null"], "csrf=\(token)") == .forbidden)
            #expect(
                try await press([.cookie: cookie, .origin: "https://agents.example.com"], "csrf=\(token)")
                    == .seeOther)
            #expect(try await press([.cookie: cookie], "csrf=\(token)") == .conflict, "it is queued already")
            let commands = try await client.api(.get, "/commands", key: server.key, runner: "r1").json?.items
            #expect(commands?.map { $0["action"]?.string } == ["restart"])
        }
    }

    @Test func `Signing out ends the session`() async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            let cookie = try await signIn(client, server)
            let token = try csrf(in: try await page(client, cookie))
            let out = try await client.execute(
                uri: "/sign-out", method: .post, headers: [.cookie: cookie], body: ByteBuffer(string: "csrf=\(token)"))
            #expect(out.status == .seeOther)
            let after = try await client.execute(uri: "/", method: .get, headers: [.cookie: cookie])
            #expect(after.status == .unauthorized)
        }
    }

    @Test func `Every page forbids what it does not need`() async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            for path in ["/", "/sign-in", "/assets/app.css", "/assets/app.js", "/assets/icon.svg"] {
                let answer = try await client.execute(uri: path, method: .get)
                #expect(answer.headers[.contentSecurityPolicy]?.contains("default-src 'none'") == true)
                #expect(answer.headers[.contentSecurityPolicy]?.contains("unsafe") == false)
                #expect(answer.headers[.xContentTypeOptions] == "nosniff")
            }
        }
    }
}
