import Mustache

/// The dashboard's pages, parsed once.
struct PageTemplates: Sendable {
    enum Name: String {
        case page, fleet
        case signIn = "sign-in"
    }

    private let library: MustacheLibrary

    init() throws {
        MustacheContentTypes.register(EscapedContentType(), named: EscapedContentType.name)
        var library = MustacheLibrary()
        try library.register(String(decoding: PackageResources.page_mustache, as: UTF8.self), named: Name.page.rawValue)
        try library.register(
            String(decoding: PackageResources.fleet_mustache, as: UTF8.self), named: Name.fleet.rawValue)
        try library.register(
            String(decoding: PackageResources.sign_in_mustache, as: UTF8.self), named: Name.signIn.rawValue)
        self.library = library
    }

    /// Renders one page.
    func render(_ name: Name, _ view: some Sendable) -> String {
        library.render(view, withTemplate: name.rawValue) ?? ""
    }
}
