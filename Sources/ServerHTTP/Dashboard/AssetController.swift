import Hummingbird
import NIOCore

/// Serves the page's style, script and icon, which are built into the program.
struct AssetController: Sendable {
    func addRoutes(to table: inout RouteTable) {
        add("/assets/app.css", PackageResources.app_css, "text/css; charset=utf-8", &table)
        add("/assets/app.js", PackageResources.app_js, "text/javascript; charset=utf-8", &table)
        add("/assets/icon.svg", PackageResources.icon_svg, "image/svg+xml", &table)
        add("/favicon.ico", PackageResources.icon_svg, "image/svg+xml", &table)
    }

    private func add(_ path: String, _ bytes: [UInt8], _ type: String, _ table: inout RouteTable) {
        let buffer = ByteBuffer(bytes: bytes)
        table.on(.get, path) { _, _ in
            var headers = HTMLResponse.securityHeaders
            headers[.contentType] = type
            // Short: a new version of the server must not be shown with an old style.
            headers[.cacheControl] = "max-age=60"
            return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: buffer))
        }
    }
}
