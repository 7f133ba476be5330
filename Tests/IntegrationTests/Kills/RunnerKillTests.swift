import Testing

/// The runner ends at points spread over all that it does while something happens, and a second one goes on from there:
/// nothing is lost and nothing is done or told twice. The disk has either all that was written, or what a power cut
/// leaves.
@Suite(.timeLimit(.minutes(20))) struct RunnerKillTests {
    /// How many of these small worlds there are at once; they wait most of the time.
    private static let width = 16

    @Test func whereverItEndsNothingIsLostAndNothingDoneTwice() async throws {
        async let command = series(.command)
        async let death = series(.death)
        var series = try await command + death
        // Next to each other, so that none waits for the slow ones of another.
        let worlds = (0..<CrashPoint.count).flatMap { index in series.indices.map { (index, $0) } }
        await withTaskGroup(of: (Int, RunnerKillWorld.End?).self) { group in
            for (place, (index, which)) in worlds.enumerated() {
                if place >= Self.width, let (which, end) = await group.next() { series[which].take(end) }
                let world = series[which].world(index)
                group.addTask {
                    do { return (which, try await world.run()) } catch {
                        // The others are tried all the same.
                        Issue.record(error)
                        return (which, nil)
                    }
                }
            }
            while let (which, end) = await group.next() { series[which].take(end) }
        }
        for one in series { one.tell() }
    }

    /// It is a command that is forgotten while it is carried out, and is carried out again.
    @Test func aDiskThatForgetsWhatWasWaitedForIsNoticed() async throws {
        let occasion = RunnerKillWorld.Occasion.command
        let peace = try await RunnerKillWorld(occasion: occasion, point: nil, loss: nil).run()
        let phase = try #require(occasion.phases.firstIndex(of: "started anew"))
        let last = try #require(peace.trace.phases(occasion.milestones).last { $0.phase == phase }).step
        let point = CrashPoint(step: last.number, moment: .after)
        await withKnownIssue {
            _ = try await RunnerKillWorld(occasion: occasion, point: point, loss: .everything, lies: true).run()
        }
    }

    /// All points of one occasion, twice: for a kill and for a power cut.
    private func series(_ occasion: RunnerKillWorld.Occasion) async throws -> [Series] {
        let peace = try await RunnerKillWorld(occasion: occasion, point: nil, loss: nil).run()
        let points = CrashPoint.spread(CrashPoint.count, over: peace.trace.phases(occasion.milestones))
        return [false, true].map { Series(occasion: occasion, points: points, losesPower: $0) }
    }

    /// The points of one occasion.
    private struct Series {
        var occasion: RunnerKillWorld.Occasion
        var points: [CrashPoint]
        var losesPower: Bool
        var ends: [RunnerKillWorld.End] = []

        func world(_ index: Int) -> RunnerKillWorld {
            let losses: [CrashedDisk.Loss] = [.everything, .bytes, .some(seed: UInt64(index))]
            return RunnerKillWorld(
                occasion: occasion, point: points[index], loss: losesPower ? losses[index % losses.count] : nil)
        }

        mutating func take(_ end: RunnerKillWorld.End?) {
            if let end { ends.append(end) }
        }

        /// Says where the ends fell, and whether enough did.
        func tell() {
            let counts = Dictionary(grouping: ends, by: \.phase).mapValues(\.count)
            let spread = occasion.phases.enumerated().map { "\($1) \(counts[$0, default: 0])" }
            let reached = ends.compactMap(\.point)
            print(
                "runner, \(occasion), \(losesPower ? "power cut" : "killed"): \(ends.count) worlds,",
                "\(Set(reached).count) different points, \(ends.count - reached.count) over before theirs; ended when:",
                spread.joined(separator: ", "))
            // Otherwise nothing was tried.
            #expect(reached.count >= ends.count * 3 / 4)
            #expect(counts.count >= min(occasion.phases.count, ends.count) / 2)
        }
    }
}
