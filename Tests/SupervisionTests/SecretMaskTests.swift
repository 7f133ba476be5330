import Supervision
import Testing

/// What programs write, without what must not leave the host.
@Suite struct SecretMaskTests {
    struct Line: Sendable, CustomTestStringConvertible {
        var text: String
        var masked: String

        init(_ text: String, _ masked: String) {
            self.text = text
            self.masked = masked
        }

        var testDescription: String { text }
    }

    static let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9"
    static let botToken = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw_"

    static let secrets: [Line] = [
        // NAME=value
        Line("DATABASE_PASSWORD=hunter2", "DATABASE_PASSWORD=***"),
        Line("export Api_Key='a b' next", "export Api_Key='***' next"),
        Line("x PASSWORD=a,b;c&d\"e' y", "x PASSWORD=*** y"),
        Line("secret = swordfish now", "secret = *** now"),
        Line("PGPASS=abc AWS_SECRET_ACCESS_KEY=abc/def+1", "PGPASS=*** AWS_SECRET_ACCESS_KEY=***"),
        Line("PASSWD='it''s'x y", "PASSWD='***'*** y"),
        Line("bot --api-key hunter2 --fast", "bot --api-key *** --fast"),
        Line("bot --password=hunter2 --fast", "bot --password=*** --fast"),
        Line("session-id: 12ab, ok", "session-id: *** ok"),
        Line("config[\"token\"] = \"abc\"", "config[\"token\"] = \"***\""),
        Line("{user: bob, auth => 'abc'}", "{user: bob, auth => '***'}"),
        Line("TO\u{1B}[31mKEN\u{1B}[0m=abc", "TOKEN=***"),
        Line("GET /x?access_token=abc HTTP/1.1", "GET /x?access_token=*** HTTP/1.1"),
        // JSON
        Line(#"{"token": "abc", "user": "bob"}"#, #"{"token": "***", "user": "bob"}"#),
        Line(#"{"apiKey":"a\"b","n":1}"#, #"{"apiKey":"***","n":1}"#),
        Line(#"{"m": "{\"password\": \"abc\", \"n\": 1}"}"#, #"{"m": "{\"password\": \"***\", \"n\": 1}"}"#),
        Line(#"{"credentials": {"user": "a", "key": "b"}, "n": 1}"#, #"{"credentials": ***, "n": 1}"#),
        Line(#"{"secrets": ["a", "b"]}"#, #"{"secrets": ***}"#),
        Line("{'private_key': 'abc'}", "{'private_key': '***'}"),
        Line(#"{"password": 1234}"#, #"{"password": ***"#),
        // Headers
        Line("Authorization: Basic YWxhZGRpbjpvcGVu", "Authorization: ***"),
        Line("authorization: Digest username=\"a\", response=\"b\"", "authorization: ***"),
        Line("curl -H 'Authorization: Bearer abc def' url", "curl -H 'Authorization: ***' url"),
        Line("Cookie: a=1; b=2", "Cookie: ***"),
        Line("> Set-Cookie: sid=abc; Path=/", "> Set-Cookie: ***"),
        Line("sent Bearer abcdef123 to x", "sent Bearer *** to x"),
        Line("password: Authorization: Basic abc", "password: Authorization: ***"),
        Line("X-Auth: Bearer abc next", "X-Auth: *** *** next"),
        // URLs
        Line("to postgres://bob:pa55@db:5432/x", "to postgres://bob:***@db:5432/x"),
        Line("redis://:p@ss@h/0 and http://a:b@c/", "redis://:***@h/0 and http://a:***@c/"),
        Line("amqp://u:a/b@h", "amqp://u:***@h"),
        Line("https://0123456789abcdef0123456789abcdef@sentry.io/1", "https://***@sentry.io/1"),
        // Shapes
        Line("key sk-proj-abcDEF123456 used", "key *** used"),
        Line("(cv_test) failed", "(***) failed"),
        Line("cv_token=abc", "***=***"),
        Line("push with ghp_16C7e42F292c6912E7710c838347Ae178B4a", "push with ***"),
        Line("id AKIAIOSFODNN7EXAMPLE.", "id ***"),
        Line("slack xoxb-2389-abcdef", "slack ***"),
        Line("jwt \(jwt)!", "jwt ***!"),
        Line("https://api.telegram.org/bot\(botToken)/getMe", "https://api.telegram.org/bot***/getMe"),
        Line("bot \(botToken)", "bot ***"),
        Line(
            #"key="-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n" n=1"#, #"key="***\n" n=1"#),
    ]

    @Test(arguments: secrets) func aSecretIsMasked(_ line: Line) {
        #expect(SecretMask.masked(line.text) == line.masked)
    }

    static let harmless = [
        "", "Traceback (most recent call last):", "  File \"/app/auth/session.py\", line 42, in login",
        "auth.py:42: error: no such thing", "auth.go:7 +0x1d", "std::auth::Session::open failed at 12:30:01",
        "max_tokens=512 total_tokens: 1024, tokens=3.5", "author=bob authority: x", "bypass=1", "the token expired",
        "GET https://example.org:8080/a?mail=a@b.c 200", "ssh://git@github.com/x", "task-scheduler disk-usage 80%",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "bearer of news", "12:34:56 ok",
        "Ünïcödé 漢字 🙂", "masks a bot: 123456:short",
    ]

    @Test(arguments: harmless) func whatIsNoSecretStays(_ line: String) {
        #expect(SecretMask.masked(line) == line)
    }

    // MARK: - Keys of many lines

    private static let key = [
        "-----BEGIN OPENSSH PRIVATE KEY-----", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW",
        "QyNTUxOQAAACD", "-----END OPENSSH PRIVATE KEY-----",
    ]

    @Test func aPrivateKeyIsMaskedOverItsLines() {
        let lines = ["before"] + Self.key + ["after"]
        let output = Array(lines.joined(separator: "\r\n").utf8)
        #expect(SecretMask.lines(of: output, last: 20) == ["before", "***", "***", "***", "***", "after"])
    }

    @Test func aKeyWhoseBeginningWasNotReadIsMaskedToo() {
        let output = Array((Self.key.dropFirst() + ["after"]).joined(separator: "\n").utf8)
        #expect(SecretMask.lines(of: output, last: 20) == ["***", "***", "***", "after"])
        #expect(SecretMask.lines(of: output, last: 2) == ["***", "after"])
    }

    @Test func aLineFromTheMiddleOfAKeyIsMasked() {
        #expect(SecretMask.masked(String(repeating: "gH3/", count: 16)) == "***")
    }

    @Test func aKeyThatNeverEndsDoesNotHideEverything() {
        let lines = ["-----BEGIN PRIVATE KEY-----"] + Array(repeating: "word", count: 300)
        let masked = SecretMask.lines(of: Array(lines.joined(separator: "\n").utf8), last: 300)
        #expect(masked.first == "***")
        #expect(masked.last == "word")
    }

    // MARK: - What is no text

    @Test func whatWouldMoveTextAboutIsRemoved() {
        let bytes = Array("a\u{0}b\u{7}\tc\u{202E}d\u{1B}]0;title\u{7}e\r".utf8) + [0xFF, 0xC3]
        var mask = SecretMask()
        #expect(mask.line(bytes) == "ab cde\u{FFFD}\u{FFFD}")
    }

    @Test func aLineIsCutAfterItWasMasked() {
        let filler = String(repeating: "x", count: SecretMask.longestLine - 5)
        let masked = SecretMask.masked(filler + " TOKEN=abcdefgh and more")
        #expect(masked.unicodeScalars.count == SecretMask.longestLine)
        #expect(masked.hasSuffix(" TOK…"))
    }

    @Test func onlyTheLastLinesAreKept() {
        #expect(SecretMask.lines(of: Array("1\n2\n\n3\n".utf8), last: 2) == ["2", "3"])
        #expect(SecretMask.lines(of: [], last: 2) == [])
    }
}
