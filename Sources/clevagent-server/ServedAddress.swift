import ServerDomain

/// Where the server can be reached, once the port is known.
struct ServedAddress: Sendable {
    private let configuration: ServingConfiguration

    init(_ configuration: ServingConfiguration) { self.configuration = configuration }

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
