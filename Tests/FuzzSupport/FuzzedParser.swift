import DockerWatcher
import FoundationEssentials
import LaunchdWatcher
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport

/// A parser of what others write, what it reads in earnest, and what must hold of all that it makes of anything.
package struct FuzzedParser: Sendable, CustomStringConvertible {
    package let description: String
    /// Files in Samples whose names begin with this.
    private let samples: String
    private let parse: @Sendable ([UInt8]) -> Bool?

    /// - Parameters:
    ///   - parse: nil when it was refused; else whether what came out may be.
    private init(_ description: String, samples: String, _ parse: @escaping @Sendable ([UInt8]) -> Bool?) {
        self.description = description
        self.samples = samples
        self.parse = parse
    }

    package static let all: [FuzzedParser] = [
        FuzzedParser("docker event", samples: "docker-event") { input in
            DockerEvent(parsing: input).map { event in
                var judge = ContainerJudge(name: "bot")
                _ = judge.concerns(event)
                _ = judge.heard(event)
                return true
            }
        },
        FuzzedParser("docker inspect", samples: "docker-inspect") { input in
            ContainerFacts(parsing: input).map { facts in
                var judge = ContainerJudge(name: "bot")
                _ = judge.read(facts, at: BootInstant(sinceBoot: .seconds(1)))
                return !facts.id.isEmpty && facts.stopTimeout >= .zero
            }
        },
        FuzzedParser("launchctl print", samples: "launchctl-print-") { input in
            LaunchctlPrint(parsing: input).map { facts in
                var judge = LaunchdJudge()
                _ = judge.judge(.loaded(facts), at: BootInstant(sinceBoot: .seconds(1)))
                return facts.pid ?? 2 > 1
            }
        },
        FuzzedParser("launchctl print-disabled", samples: "launchctl-disabled") { input in
            LaunchctlDisabled.holds("com.example.bot", in: input) ? true : nil
        },
        FuzzedParser("/proc/PID/stat", samples: "proc-stat-") { input in
            ProcessStat(parsing: input).map { stat in
                _ = BootInstant(ticks: stat.startTicks)
                return stat.residentMB.isFinite
            }
        },
        FuzzedParser("/proc/PID/status", samples: "proc-status") { input in
            ProcessStatus(parsing: input).map { $0.users.count == 4 && $0.groups.count == 4 }
        },
        FuzzedParser("/proc/PID/cmdline", samples: "proc-cmdline") { input in
            let list = ByteText.list(input)
            // A text with a NUL in it could not be an argument (execve(2)).
            return list.allSatisfy { !$0.bytes.contains(0) } && !CommandLineText(input).contains("\0")
                && ByteTextList(list).texts == list
        },
        FuzzedParser("PID file", samples: "pid-file") { input in
            switch PIDFileContent(parsing: input) {
            case .pid(let pid, _): pid > 1
            case .empty, .refused: nil
            }
        },
        FuzzedParser("target", samples: "target") { input in
            (try? WatchedTarget(parsing: String(decoding: input, as: UTF8.self))).map { target in
                let again = try? WatchedTarget(parsing: "\(target.agent)=\(target.id)")
                _ = LaunchdService(target.id.name, user: 501)
                return !target.id.name.isEmpty && !target.id.name.hasPrefix("-") && !target.agent.isEmpty
                    && !"\(target.id)\(target.agent)".unicodeScalars.contains { $0.value < 32 }
                    // An agent that was named by its target may hold what one that is given may not.
                    && (again == target || target.agent.contains { "=:".contains($0) })
            }
        },
        FuzzedParser("recipe", samples: "recipe") { input in
            (try? LaunchRecipe(decoding: input)).map { recipe in
                _ = LaunchPlan(recipe, startedBy: 0)
                return (try? LaunchRecipe(decoding: recipe.encoded())) == recipe
            }
        },
        FuzzedParser("note", samples: "note") { input in
            (try? ProcessNote(decoding: input)).map { note in
                (try? ProcessNote(decoding: note.encoded())) == note
            }
        },
    ]

    /// What a run came to.
    package struct Tally: Sendable {
        package var read = 0
        package var refused = 0
        /// The inputs of which something was made that must not be.
        package var wrong: [UInt64] = []

        package init() {}
    }

    /// Its samples, which it reads.
    package func realInputs() throws -> [[UInt8]] {
        let folder = FilePath(#filePath).removingLastComponent().appending("Samples")
        return try FileManager.default.contentsOfDirectory(atPath: folder.string).filter { $0.hasPrefix(samples) }
            .sorted()
            .map { try readWholeFile(folder.appending($0), limit: 1 << 20) }
    }

    /// Whether it takes an input at all.
    package func reads(_ input: [UInt8]) -> Bool { parse(input) == true }

    /// Gives it inputs.
    ///
    /// - Parameter before: called with each input's number, so that the one that ends the program is known.
    package func run(
        _ numbers: Range<UInt64>, seed: UInt64, before: (UInt64) -> Void = { _ in }
    ) throws -> Tally {
        let inputs = FuzzInputs(samples: try realInputs())
        var tally = Tally()
        for number in numbers {
            before(number)
            switch parse(inputs.input(number, seed: seed)) {
            case nil: tally.refused += 1
            case true?: tally.read += 1
            case false?: tally.wrong.append(number)
            }
        }
        return tally
    }
}
