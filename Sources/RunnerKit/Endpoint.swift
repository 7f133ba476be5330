import FoundationEssentials
import WireProtocol

/// Where the server is: the URL before `/api/v1`.
struct Endpoint: Equatable {
    struct Problem: Error, Equatable {
        var words: String
    }

    /// Without a slash at its end.
    var url: String
    var host: String
    var isPlainText: Bool
    var isLoopback: Bool

    static func parse(_ text: String) -> Result<Endpoint, Problem> {
        let example = "must be a URL such as https://clevagent.example.org"
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let parts = URLComponents(string: text),
            let scheme = parts.scheme?.lowercased(), let host = parts.host, !host.isEmpty
        else { return .failure(Problem(words: example)) }
        guard scheme == "https" || scheme == "http" else {
            return .failure(Problem(words: "\(example): the scheme '\(scheme)' is neither https nor http"))
        }
        guard parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil else {
            return .failure(Problem(words: "\(example), without user, query or fragment"))
        }
        if let port = parts.port, !(1...65_535).contains(port) {
            return .failure(Problem(words: "\(example): there is no port \(port)"))
        }
        // Only the path is shortened: a host may be called "api".
        var path = Substring(parts.percentEncodedPath)
        guard text.hasSuffix(path) else { return .failure(Problem(words: example)) }
        let origin = text.dropLast(path.count)
        func dropSlashes() {
            while path.hasSuffix("/") { path.removeLast() }
        }
        dropSlashes()
        if path.hasSuffix(WirePath.base) {
            path.removeLast(WirePath.base.count)
            dropSlashes()
        }
        return .success(
            Endpoint(
                url: "\(origin)\(path)", host: host, isPlainText: scheme == "http",
                isLoopback: isLoopback(host.lowercased())))
    }

    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "[::1]" || host == "::1" { return true }
        // All of 127.0.0.0/8 (RFC 1122, 3.2.1.3), and only as four numbers: a name may begin with "127." too.
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.first == "127"
            && parts.allSatisfy { part in UInt8(part) != nil && part.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    }
}
