import ServerDomain
import Testing

@Suite struct AccessTests {
    @Test func `A key may burst to twice its minute and then goes at its pace`() {
        let limit = RateLimit(perMinute: 60)
        var bucket = RateLimit.Bucket(limit, at: .zero)
        let passed = (0..<200).count { _ in bucket.take(limit, at: .zero) == nil }
        #expect(passed == 120)
        #expect(bucket.take(limit, at: .zero) == 1)
        #expect(bucket.take(limit, at: .seconds(1)) == nil)
        #expect(bucket.take(limit, at: .seconds(1)) == 1)
        let later = (0..<200).count { _ in bucket.take(limit, at: .seconds(600)) == nil }
        #expect(later == 120)
    }

    @Test(
        arguments: [
            ("127.0.0.1:8080", true), ("localhost:8080", true), ("[::1]:8080", true), ("192.168.1.5", true),
            ("agents.example.com", true), ("AGENTS.example.com:443", true), ("web-1:8080", true), ("evil.com", false),
            ("127.0.0.1.evil.com", false), ("", false), (nil, false), ("300.1.1.1", false), ("[evil]", false),
        ] as [(String?, Bool)])
    func `The dashboard answers to its own names only`(host: String?, isAllowed: Bool) {
        #expect(HostPolicy(names: ["agents.example.com", "web-1"]).allows(host) == isAllowed)
    }

    @Test(arguments: [
        ("http://127.0.0.1:8080", true), ("https://agents.example.com", true), ("http://127.0.0.1:9090", false),
        ("http://evil.com", false), ("null", false), ("", false), ("file://127.0.0.1:8080", false),
    ])
    func `Posts come from the very same place`(origin: String, isOurs: Bool) {
        let policy = HostPolicy(names: ["agents.example.com"])
        #expect(policy.isOrigin(origin, of: "127.0.0.1:8080") == isOurs)
    }

    @Test func `Secrets are long, new each time and known by their digest`() {
        let first = Secret.apiKey()
        let second = Secret.apiKey()
        #expect(first != second)
        #expect(first.text.hasPrefix("cv_"))
        #expect(first.text.utf8.count == 67)
        #expect(first.digest.matches(Secret(text: first.text).digest))
        #expect(!first.digest.matches(second.digest))
        #expect(first.derived(for: "csrf") != first.derived(for: "other"))
    }

    @Test(arguments: [("7d0c5a30-1111-4c3f-9a11-000000000001", true), ("", false), ("a b", false), ("ä", false)])
    func `Runner ids are plain words`(text: String, isValid: Bool) {
        #expect((RunnerID(rawValue: text) != nil) == isValid)
        #expect(RunnerID(rawValue: String(repeating: "x", count: 65)) == nil)
    }
}
