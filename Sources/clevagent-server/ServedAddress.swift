import FoundationEssentials
import ServerDomain
import ServerHTTP

/// Where the server can be reached, once the port is known.
struct ServedAddress: Sendable {
    private let configuration: ServingConfiguration

    init(_ configuration: ServingConfiguration) { self.configuration = configuration }

    /// What the dashboard must know of it.
    var site: DashboardSite {
        let publicHost = configuration.publicURL.map { String($0.text.drop { $0 != ":" }.dropFirst(3)) }
        return DashboardSite(
            hosts: HostPolicy(names: [publicHost, ProcessInfo.processInfo.hostName].compactMap(\.self)),
            isSecure: configuration.tls != nil || configuration.publicURL?.isHTTPS == true,
            publicURL: configuration.publicURL?.text)
    }

    /// Host and port that are bound.
    func listening(port: Int) -> String {
        var address = configuration.listen
        address.port = port
        return address.text
    }

    /// What people type.
    func url(port: Int) -> String {
        if let url = configuration.publicURL { return url.text }
        return (configuration.tls == nil ? "http://" : "https://") + listening(port: port)
    }
}
