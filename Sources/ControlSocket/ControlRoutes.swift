import FoundationEssentials
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import RunnerKit
import ServiceLifecycle
import Supervision
import WireProtocol

/// What can be asked of the runner, by path: JSON over HTTP (docs/control-socket.md).
struct ControlRoutes<C: Clock>: Sendable where C.Instant == BootInstant {
    /// An order is a name and a number.
    private static var longestBody: Int { 16 << 10 }

    private let desk: OperatorDesk<C>
    /// Who may act, beside root and the runner's own user.
    private let actingGroup: UInt32?
    private let runnerUser: UInt32
    private let logger: Logger

    init(desk: OperatorDesk<C>, actingGroup: UInt32?, runnerUser: UInt32, logger: Logger) {
        self.desk = desk
        self.actingGroup = actingGroup
        self.runnerUser = runnerUser
        self.logger = logger
    }

    @concurrent
    func respond(_ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        let follows = request.uri.queryParameters["follow"].map { $0 != "false" && $0 != "0" } ?? false
        switch (request.method, request.uri.path) {
        case (.get, "/v1/status") where follows:
            // Subscribed to before it is read, so that nothing falls between.
            let changes = desk.followTargets()
            try await follow(request, writer, first: [await desk.status()], changes)
        case (.get, "/v1/status"): try await ControlAnswer(.ok, await desk.status()).write(to: writer)
        case (.get, "/v1/events") where follows:
            let events = desk.followEvents()
            try await follow(request, writer, first: desk.events, events)
        case (.get, "/v1/events"): try await ControlAnswer(.ok, desk.events).write(to: writer)
        default:
            let answer = await answer(request, channel)
            try await answer.write(to: writer)
        }
    }

    private func answer(_ request: Request, _ channel: any Channel) async -> ControlAnswer {
        let path = request.uri.path
        let isReload = path == Self.reloadPath
        let act = Act(path: path)
        guard act != nil || isReload else {
            guard path == "/v1/status" || path == "/v1/events" else {
                return .error(.notFound, "no_such_path", "there is no \(path): \(Self.paths)")
            }
            return .error(.methodNotAllowed, "wrong_method", "\(path) is asked for with GET")
        }
        guard request.method == .post else {
            return .error(.methodNotAllowed, "wrong_method", "\(path) is asked for with POST")
        }
        guard let peer = try? await PeerCredentials.of(channel) else {
            return .error(.forbidden, "unknown_peer", "who asks can't be told")
        }
        guard mayAct(peer) else {
            logger.warning(
                "An act was refused", metadata: ["act": "\(act?.rawValue ?? "reload")", "uid": "\(peer.user)"])
            return .error(
                .forbidden, "not_allowed",
                "uid \(peer.user) may look and not act: root may, the runner's own user, and members of the control group"
            )
        }
        guard let act else { return await reload(by: peer) }
        return await carryOut(act, request, by: peer)
    }

    private static var reloadPath: String { "/v1/reload" }

    private func reload(by peer: PeerCredentials) async -> ControlAnswer {
        logger.notice("An operator asks", metadata: ["act": "reload", "uid": "\(peer.user)"])
        guard let outcome = await desk.reload() else {
            return .error(.serviceUnavailable, "too_early", "the runner is about to start")
        }
        guard outcome.ok else {
            return ControlAnswer(
                .unprocessableContent,
                ControlFailure(
                    error: "wrong_settings", message: "the settings are wrong, and those before stay in force",
                    problems: outcome.problems))
        }
        let pending =
            outcome.pending.isEmpty ? "" : "; after the next start: \(outcome.pending.joined(separator: ", "))"
        return ControlAnswer(
            .ok, ControlOutcome(target: nil, status: "completed", message: outcome.summary + pending))
    }

    private func mayAct(_ peer: PeerCredentials) -> Bool {
        peer.user == 0 || peer.user == runnerUser || actingGroup.map { peer.isIn(group: $0) } == true
    }

    private func carryOut(_ act: Act, _ request: Request, by peer: PeerCredentials) async -> ControlAnswer {
        guard let body = try? await request.body.collect(upTo: Self.longestBody) else {
            return .error(.contentTooLarge, "too_large", "the body is longer than \(Self.longestBody) bytes")
        }
        guard let wish = try? JSONDecoder().decode(Wish.self, from: Data(body.readableBytesView)) else {
            return .error(
                .badRequest, "bad_request",
                "the body must be JSON with the target: {\"target\": \"docker:my-bot\"}\(act == .pause ? ", and maybe \"for\" in seconds" : "")"
            )
        }
        guard let order: OperatorDesk<C>.Order = act.order(wish) else {
            return .error(.badRequest, "bad_request", "\"for\" must be a number of seconds from 1 to \(Wish.longest)")
        }
        do throws(NoSuchTargetError) {
            let target = try desk.target(named: wish.target)
            logger.notice(
                "An operator asks",
                metadata: [
                    "act": "\(act.rawValue)", "target": "\(target)", "uid": "\(peer.user)",
                    "pid": "\(peer.process ?? 0)",
                ])
            let result = await desk.carryOut(order, on: target)
            logger.notice(
                "What an operator asked for has ended",
                metadata: [
                    "act": "\(act.rawValue)", "target": "\(target)", "uid": "\(peer.user)",
                    "status": "\(result.status.rawValue)", "message": "\(result.message ?? "")",
                ])
            return ControlAnswer(
                result.status == .completed ? .ok : .conflict,
                ControlOutcome(target: "\(target)", status: result.status.rawValue, message: result.message))
        } catch {
            return .error(.notFound, "no_such_target", "\(error)")
        }
    }

    private static var paths: String {
        "GET /v1/status and /v1/events (both with ?follow=true), POST "
            + Act.allCases.map { "/v1/\($0.rawValue)" }.joined(separator: ", ") + " and \(reloadPath)"
    }

    // MARK: - Answers that go on

    /// Writes values as they come, a line each, until the other side goes or the runner stops.
    @concurrent
    private func follow<Value: Encodable & Sendable>(
        _ request: Request, _ writer: consuming ResponseWriter, first: [any Encodable & Sendable],
        _ following: Following<some AsyncSequence<Value, Never> & Sendable>
    ) async throws {
        let head = HTTPResponse(
            status: .ok, headerFields: [.contentType: ControlJSON.streamType, .cacheControl: "no-store"])
        var out = try await writer.writeHead(head)
        for value in first { try await out.write(ByteBuffer(bytes: ControlJSON.line(value))) }
        try await request.body.consumeWithInboundCloseHandler { _ in
            for try await value in following.values.cancelOnGracefulShutdown() {
                try await out.write(ByteBuffer(bytes: ControlJSON.line(value)))
            }
        } onInboundClosed: {
            following.end()
        }
        try await out.finish(nil)
    }
}

/// What an act is to be done to.
private struct Wish: Decodable {
    static let longest = 366 * 86_400

    var target: String
    /// Seconds.
    var `for`: Double?
}

/// What came of an act.
struct ControlOutcome: Sendable, Hashable, Codable {
    var target: String?
    /// `completed` or `failed`.
    var status: String
    var message: String?
}

/// What is done to a target.
enum Act: String, Sendable, CaseIterable {
    case restart, stop, pause, resume

    init?(path: String) {
        guard path.hasPrefix("/v1/") else { return nil }
        self.init(rawValue: String(path.dropFirst("/v1/".count)))
    }

    /// - Returns: nil when it is to be done for a time that is none.
    fileprivate func order<C: Clock>(_ wish: Wish) -> OperatorDesk<C>.Order? where C.Instant == BootInstant {
        switch self {
        case .restart: return .restart
        case .stop: return .stop
        case .resume: return .resume
        case .pause:
            guard let seconds = wish.for else { return .pause(nil) }
            guard seconds >= 1, seconds <= Double(Wish.longest) else { return nil }
            return .pause(.milliseconds(Int64(seconds * 1000)))
        }
    }
}
