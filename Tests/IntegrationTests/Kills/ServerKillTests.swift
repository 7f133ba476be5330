import Testing

/// The server ends at points spread over all that it does under load, and others go on from what it left on the disk, and
/// from what a power cut would have left: all that it said yes to is there, once.
@Suite(.timeLimit(.minutes(20))) struct ServerKillTests {
    /// How many of them there are at once.
    private static let width = 4

    @Test func whereverItEndsWhatItSaidYesToIsThereOnce() async throws {
        let template = try await ServerKillWorld.Template.make()
        let peace = try await ServerKillWorld(template: template, point: nil, loss: .everything).run()
        #expect(peace.account.unanswered.isEmpty && peace.account.errands.count { $0.isReported } == 32)
        let points = CrashPoint.spread(
            CrashPoint.count, over: peace.trace.phases([]).map { ($0.step, Self.place(of: $0.step).rawValue) })
        var ends: [ServerKillWorld.End] = []
        try await withThrowingTaskGroup(of: ServerKillWorld.End.self) { group in
            for (index, point) in points.enumerated() {
                if index >= Self.width, let end = try await group.next() { ends.append(end) }
                let losses: [CrashedDisk.Loss] = [.everything, .bytes, .some(seed: UInt64(index))]
                let world = ServerKillWorld(template: template, point: point, loss: losses[index % losses.count])
                group.addTask { try await world.run() }
            }
            while let end = try await group.next() { ends.append(end) }
        }
        let places = Dictionary(grouping: ends.compactMap(\.trace.lastStep), by: Self.place).mapValues(\.count)
        let reached = ends.compactMap(\.trace.end)
        print(
            "server: \(ends.count) worlds, \(Set(reached).count) different points,",
            "\(ends.count - reached.count) over before theirs; ended at:",
            Place.allCases.map { "\($0.words) \(places[$0, default: 0])" }.joined(separator: ", ") + ";",
            "\(ends.reduce(0) { $0 + $1.account.accepted.count }) requests accepted,",
            "\(ends.reduce(0) { $0 + $1.account.unanswered.count }) without an answer")
        // Otherwise nothing was tried.
        #expect(reached.count >= ends.count * 3 / 4)
    }

    @Test func aDiskThatForgetsWhatWasWaitedForIsNoticed() async throws {
        let template = try await ServerKillWorld.Template.make()
        await withKnownIssue {
            _ = try await ServerKillWorld(
                template: template, point: CrashPoint(step: 200, moment: .after), loss: .everything, lies: true
            ).run()
        }
    }

    /// What a step is about.
    private enum Place: Int, CaseIterable {
        case answer, log, logWait, database, databaseWait, other

        var words: String {
            switch self {
            case .answer: "an answer"
            case .log: "a write to the log"
            case .logWait: "its wait for the disk"
            case .database: "a write to the database"
            case .databaseWait: "its wait for the disk"
            case .other: "other files"
            }
        }
    }

    private static func place(of step: CrashTrace.Step) -> Place {
        let isWait = ["fsync", "fdatasync"].contains(step.call)
        if step.path.hasPrefix("socket:") { return .answer }
        if step.path.hasSuffix(".sqlite-wal") { return isWait ? .logWait : .log }
        if step.path.hasSuffix(".sqlite") { return isWait ? .databaseWait : .database }
        return .other
    }
}
