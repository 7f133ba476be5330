/// Which containers somebody has just asked the engine to stop.
///
/// `docker stop` and `docker kill` are seen as a `kill` event before the `die`. HUP and the like are for the program to
/// answer and are no request to end. A `docker stop` that finds a container waiting for its own restart policy signals
/// nobody: it is a `stop` event, after the end.
struct StopRequests: Sendable, Hashable {
    private struct Request: Sendable, Hashable {
        var container: String
        /// nil for a stop that is done.
        var signal: Int32?
        var at: EngineTime
    }

    /// Of one name: more than a few in the time of one stop are repetitions.
    private static let most = 8
    private static let slack = Duration.seconds(5)
    private static let terminating: Set<Int32> = [9, 15]

    private var requests: [Request] = []

    mutating func add(_ signal: Int32?, to container: String, at: EngineTime) {
        let request = Request(container: container, signal: signal, at: at)
        guard !requests.contains(request) else { return }
        requests.append(request)
        if requests.count > Self.most { requests.removeFirst() }
    }

    /// Whether this container ended because it was asked to: the request came at most its stop timeout and 5 s before.
    func explain(_ facts: ContainerFacts, diedAt end: EngineTime?) -> Bool {
        requests.contains { request in
            guard request.container == facts.id else { return false }
            // Of an earlier life.
            if let began = facts.startedAt, request.at < began { return false }
            guard let signal = request.signal else { return true }
            guard Self.terminating.contains(signal) || signal == facts.stopSignal else { return false }
            guard let end else { return true }
            let before = request.at.duration(to: end)
            // An end's time may be read off another of the engine's clocks, some milliseconds apart.
            return before >= .milliseconds(-500) && before <= facts.stopTimeout + Self.slack
        }
    }
}
