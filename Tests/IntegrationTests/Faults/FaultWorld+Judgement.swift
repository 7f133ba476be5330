import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

// What is done to every world alike, and what must hold of it.
extension FaultWorld {
    /// How long a target may be away, generously: that it comes back at all is what counts.
    static let patience = Duration.seconds(20)

    /// Judges how it went with every target.
    ///
    /// - Parameters:
    ///   - died: those that died once and were brought back once, each of which the server heard once; all if nil.
    ///   - restarted: those that a command restarted. With the others nothing happened.
    ///   - isOrdered: they died one after the other.
    func judge(
        _ events: [BuiltServer.Events.Event], _ place: Comment, died: [String]? = nil, restarted: [String] = [],
        isOrdered: Bool = true
    ) {
        let died = died ?? names
        for name in names {
            let kinds = events.filter { $0.agent == name }.map(\.kind)
            let expected =
                died.contains(name)
                ? ["died", "started", "restarted"] : restarted.contains(name) ? ["started", "restarted"] : []
            #expect(
                kinds.filter { ["died", "started", "restarted"].contains($0) } == expected, "\(place): \(name)")
            #expect(kinds.count { $0 == "evidence" } <= 1, place)
            #expect(agents.lives(of: name).count == (expected.isEmpty ? 1 : 2), "\(place): \(name)")
        }
        guard isOrdered else { return }
        #expect(events.filter { $0.kind == "died" }.compactMap(\.agent) == died, place)
    }

    /// Nothing is complained of twice.
    func judgeComplaints(_ place: Comment) {
        let complaints = log.complaints.map { $0.drop { $0 != " " } }
        #expect(Set(complaints).count == complaints.count, "\(place): \(complaints)")
    }

    /// Kills a target after two more rounds of heartbeats, and returns when the server knows that it is up again.
    func diesAndIsBack(_ name: String) async throws {
        var seen = proxy.requests.count - 1
        for _ in 0..<2 { seen = try await proxy.request(.anyHeartbeat, after: seen).index }
        #expect(try await kill(name) < Self.patience)
        try await proxy.eventually("\(name) back") {
            let events = try await server.history()
            return events.contains { $0.agent == name && $0.kind == "restarted" } ? () : nil
        }
    }

    /// Stops the runner (SIGSTOP) for as long as it takes the server to miss it.
    func whileRunnerStandsStill(_ body: () throws -> Void) async throws {
        runner.signal(SIGSTOP)
        // Returns when all its threads have stopped, and leaves the news to others.
        var news = siginfo_t()
        guard waitid(P_PID, id_t(runner.id), &news, WSTOPPED | WNOWAIT) == 0 else {
            throw FaultError(words: "the runner can't be stopped")
        }
        try body()
        try await serverHas("a silent runner") { $0.contains { $0.kind == "runner_silent" } }
        runner.signal(SIGCONT)
    }
}
