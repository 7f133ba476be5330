package import NIOCore

/// Notices that a client has closed its side of the connection, while its answer is still held.
///
/// NIO reads that end without being asked to read (epoll_ctl(2), EPOLLRDHUP). A client that is cut off without a word is
/// not noticed.
package final class ClientDepartureHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = Any

    private var isGone = false
    /// Of the request that is being answered; a connection has one at a time.
    private var onDeparture: (@Sendable () -> Void)?

    package init() {}

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { depart() }
        context.fireUserInboundEventTriggered(event)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        depart()
        context.fireChannelInactive()
    }

    private func depart() {
        isGone = true
        onDeparture?()
        onDeparture = nil
    }

    /// Has `action` called when the client of this connection goes, at once if it has gone; nil for none any more.
    static func onDeparture(from channel: any Channel, _ action: (@Sendable () -> Void)?) {
        channel.eventLoop.execute {
            guard let handler = try? channel.pipeline.syncOperations.handler(type: ClientDepartureHandler.self) else {
                return
            }
            handler.onDeparture = action
            if handler.isGone { handler.depart() }
        }
    }
}
