import NIOConcurrencyHelpers
import WireProtocol

extension StubServer {
    /// Which requests a script is for; a value, so that it can be judged while the stub's state is locked.
    package struct Matcher: Sendable, Hashable {
        var method: String?
        var prefix: String
        var suffix: String

        /// One path, with any method unless one is named.
        package static func path(_ path: String, method: String? = nil) -> Self {
            Self(method: method, prefix: path, suffix: path)
        }

        package static let any = Self(prefix: "", suffix: "")
        package static let heartbeat = path(WirePath.heartbeat, method: "POST")
        package static let batch = path(WirePath.batch, method: "POST")
        /// Single heartbeats and batches alike.
        package static let anyHeartbeat = Self(method: "POST", prefix: WirePath.heartbeat, suffix: "")
        package static let commands = path(WirePath.commands, method: "GET")
        /// The result of any command.
        package static let result = Self(method: "POST", prefix: WirePath.commands + "/", suffix: "/result")

        /// Whether the request is of this kind.
        package func matches(_ request: Request) -> Bool {
            (method == nil || method == request.method) && request.path.hasPrefix(prefix)
                && request.path.hasSuffix(suffix)
        }
    }

    /// Scripted answers for one kind of request.
    struct Rule: Sendable {
        var matcher: Matcher
        var answers: [Answer]
        /// Whether the last answer is given again and again.
        var repeatsLast: Bool

        /// The next answer, `nil` once they are used up.
        mutating func take() -> Answer? {
            guard let answer = answers.first else { return nil }
            if answers.count > 1 || !repeatsLast { answers.removeFirst() }
            return answer
        }
    }

    // MARK: Telling it what to do

    /// Gives these answers to the next requests of that kind, one each, and then the true ones again.
    ///
    /// A later script for the same kind is asked first.
    package func script(_ matcher: Matcher, _ answers: Answer...) {
        state.withLockedValue {
            $0.rules.insert(Rule(matcher: matcher, answers: answers, repeatsLast: false), at: 0)
        }
    }

    /// Gives this answer to every request of that kind until ``clearScript()``.
    package func script(_ matcher: Matcher, always answer: Answer) {
        state.withLockedValue {
            $0.rules.insert(Rule(matcher: matcher, answers: [answer], repeatsLast: true), at: 0)
        }
    }

    /// Forgets every scripted answer.
    package func clearScript() {
        state.withLockedValue { $0.rules.removeAll() }
    }

    /// Loses the answers to the next `count` results: each result is stored, the client never hears of it.
    package func loseResults(_ count: Int, answering answer: Answer = .close) {
        let answers = Array(repeating: answer.afterEffect, count: count)
        state.withLockedValue {
            $0.rules.insert(Rule(matcher: .result, answers: answers, repeatsLast: false), at: 0)
        }
    }

    /// Has the server on that port give the answers from the next request on that it is scripted for nothing.
    ///
    /// A connection that was made to another one stays there until it ends.
    package func pass(to port: Int) {
        state.withLockedValue { $0.configuration.upstream = port }
    }

    /// Offers gzip from the next request on, or no longer does: an update of the server, or its way back.
    package func offerGzip(_ offersGzip: Bool) {
        state.withLockedValue { $0.configuration.offersGzip = offersGzip }
    }

    /// Refuses every batch that has a heartbeat of that agent, whole and with 422, as a server does that does not judge
    /// items one by one.
    package func refuseBatches(with agent: String) {
        state.withLockedValue { _ = $0.poisonousAgents.insert(agent) }
    }

    /// Refuses heartbeats of that agent: `ok: false` in a batch, 422 alone. `nil` takes them again.
    package func refuse(agent: String, because error: String?) {
        state.withLockedValue { $0.refusedAgents[agent] = error }
    }
}
