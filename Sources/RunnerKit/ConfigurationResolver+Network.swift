import FoundationEssentials
import ServerLink
import SystemPackage

// The way to the server: whom to believe, and through whom.
extension ConfigurationResolver {
    private static let largestCAFile = 4 << 20

    /// The authorities that the server's certificate may come from. Comes after the settings file was read.
    mutating func trustRoots() -> TrustRoots? {
        guard let given = given("--ca-file", options.caFile) else { return nil }
        let (path, name) = (given.value, "\(given.name) '\(given.value.prefix(200))'")
        do {
            guard let pem = try HostFile.read(FilePath(path), limit: Self.largestCAFile) else {
                problems.append(.init(.file, "\(name): there is no such file"))
                return nil
            }
            return try TrustRoots(pem: pem)
        } catch let problem as TrustRoots.Problem {
            problems.append(.init(.file, "\(name): \(problem.words)"))
        } catch {
            problems.append(.init(.file, "\(name): can't be read: \(error)"))
        }
        return nil
    }

    /// The proxy that the environment names for this endpoint, as curl and others take it: for https, HTTPS_PROXY, for
    /// http, HTTP_PROXY; the small spelling first. NO_PROXY lists exceptions. This host itself is reached without.
    mutating func proxy(for endpoint: Endpoint) -> ProxyServer? {
        guard !endpoint.isLoopback else { return nil }
        let name = endpoint.isPlainText ? "HTTP_PROXY" : "HTTPS_PROXY"
        guard let given = variable(name), !NoProxyList(variable("NO_PROXY")?.value ?? "").contains(endpoint.host) else {
            return nil
        }
        do throws(ProxyProblem) {
            return try ProxyServer(parsing: given.value)
        } catch {
            // Without the value: it may hold a password.
            problems.append(.init(.invocation, "\(given.name): \(error.words)"))
            return nil
        }
    }

    private func variable(_ name: String) -> Given? {
        for name in [name.lowercased(), name] {
            // An empty one switches off what the other says.
            if let value = environment[name] { return value.isEmpty ? nil : Given(name: name, value: value) }
        }
        return nil
    }
}

/// What is wrong with a proxy's URL, without the URL.
private struct ProxyProblem: Error {
    var words: String
}

extension ProxyServer {
    fileprivate init(parsing text: String) throws(ProxyProblem) {
        let example = "must be a URL such as http://proxy.example.org:3128"
        let url = text.contains("://") ? text : "http://\(text)"
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let parts = URLComponents(string: url),
            let host = parts.host, !host.isEmpty
        else { throw ProxyProblem(words: example) }
        guard parts.scheme?.lowercased() == "http" else {
            throw ProxyProblem(words: "\(example): other kinds of proxies are not spoken to")
        }
        guard let port = parts.port, (1...65_535).contains(port) else {
            throw ProxyProblem(words: "\(example), with its port")
        }
        self.init(
            host: host.replacing("[", with: "").replacing("]", with: ""), port: port, user: parts.user,
            password: parts.password ?? "")
    }
}
