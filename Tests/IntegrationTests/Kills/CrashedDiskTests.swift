import Testing

/// What the layer that loses power makes of a trace.
@Suite struct CrashedDiskTests {
    /// A line for each step, and the bytes after a colon.
    private func disk(_ steps: [String], initial: [String: String] = ["/d/a": "old"]) throws -> CrashedDisk {
        let text = steps.map { step in
            let parts = step.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let words = parts[0].split(separator: " ")
            let bytes = parts.count > 1 ? parts[1] : ""
            return "1 \(words[0]) \(words.count > 2 ? words[2] : "0") \(bytes.utf8.count) \(words[1])\n\(bytes)"
        }
        return CrashedDisk(
            try CrashTrace(Array(text.joined().utf8)), root: "/d", initial: initial.mapValues { Array($0.utf8) })
    }

    private func left(_ disk: CrashedDisk, without loss: CrashedDisk.Loss) -> [String: String] {
        disk.files(without: loss).mapValues { String(decoding: $0, as: UTF8.self) }
    }

    @Test func whatWasWaitedForStaysAndTheRestIsLost() throws {
        let disk = try disk(["write /d/a 3:er", "begin /d/a", "fdatasync /d/a", "write /d/a 5: still"])
        #expect(left(disk, without: .everything) == ["/d/a": "older"])
    }

    @Test func aWaitDoesNotCoverWhatIsWrittenMeanwhile() throws {
        let disk = try disk(["begin /d/a", "write /d/a 3:er", "fdatasync /d/a"])
        #expect(left(disk, without: .everything) == ["/d/a": "old"])
    }

    @Test(arguments: [
        (["fsync /d/a.new"], ["/d/a": "old"], ["/d/a": "new"]),
        // Without a wait for the file, its name may be there before its bytes.
        ([], ["/d/a": "old"], ["/d/a": ""]),
    ])
    func aNameStaysWhenItsDirectoryWasWaitedFor(
        wait: [String], lost: [String: String], kept: [String: String]
    ) throws {
        let steps = ["create /d/a.new", "write /d/a.new:new", "begin /d/a.new"] + wait + ["rename /d/a.new:/d/a"]
        let early = try disk(steps)
        #expect(left(early, without: .everything) == lost)
        #expect(left(early, without: .bytes) == kept)
        let late = try disk(steps + ["begin /d", "fsync /d"])
        #expect(left(late, without: .everything) == kept)
    }

    @Test func whatLuckLeavesIsTheSameForOneSeedAndDiffersBetweenThem() throws {
        let disk = try disk(["write /d/a 3:\(String(repeating: "x", count: 2000))", "create /d/b", "create /d/c"])
        let outcomes = (0..<40).map { left(disk, without: .some(seed: $0)) }
        #expect(outcomes == (0..<40).map { left(disk, without: .some(seed: $0)) })
        #expect(Set(outcomes.map(\.count)) == [1, 2, 3])
        #expect(Set(outcomes.map { $0["/d/a"]?.utf8.count ?? 0 }).count > 3)
    }
}
