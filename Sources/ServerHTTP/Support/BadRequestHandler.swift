import FoundationEssentials
import HTTPTypes
package import NIOCore
package import NIOHTTPTypes
import WireProtocol

/// Gives the answer to what is no HTTP the body that every refusal has.
///
/// Such bytes never reach the router: the framework answers them with 400, no body and the end of the connection.
package final class BadRequestHandler: ChannelOutboundHandler, RemovableChannelHandler {
    package typealias OutboundIn = HTTPResponsePart
    package typealias OutboundOut = HTTPResponsePart

    package init() {}

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head(var head) = unwrapOutboundIn(data), head.status == .badRequest,
            head.headerFields[.connection] == "close", head.headerFields[.contentLength] == "0",
            let body = try? JSONEncoder().encode(APIError(detail: "The request is not HTTP/1.1 as it should be"))
        else {
            context.write(data, promise: promise)
            return
        }
        head.headerFields[.contentType] = "application/json; charset=utf-8"
        head.headerFields[.contentLength] = "\(body.count)"
        context.write(wrapOutboundOut(.head(head)), promise: promise)
        context.write(wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
    }
}
