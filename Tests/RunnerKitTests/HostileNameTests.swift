import RunnerKit
import Supervision
import Testing

/// Names that try to be options, shell or other names.
@Suite struct HostileNameTests {
    private static let alphabets: [WatcherKind: String] = [
        .docker: "a container's name has only letters, digits, '_', '.' and '-', not ",
        .systemd: "a unit's name has only letters, digits and : - _ . \\ @, not ",
        .launchd: "a label has only letters, digits, '-', '_', '.' and '/', not ",
    ]

    /// The name, and how the character is called that is not in the alphabets.
    private static let strange = [
        (";rm -rf x", "';'"), ("$(id)", "'$'"), ("`id`", "'`'"), ("bot|id", "'|'"), ("bot&", "'&'"), ("b*t", "'*'"),
        ("bot x", "' '"), ("bot'x", "'''"), ("bot\"x", "'\"'"), ("bot\nx", "U+000A"), ("bot\r\nx", "U+000D"),
        ("bot\u{0}x", "U+0000"), ("bot\u{1B}[2J", "U+001B"), ("b\u{43E}t", "U+043E"), ("\u{FF42}ot", "U+FF42"),
        ("bo\u{202E}t", "U+202E"), ("bo\u{200B}t", "U+200B"), ("bo\u{2028}t", "U+2028"), ("bot\u{301}", "U+0301"),
        ("bot\u{2024}service", "U+2024"), ("\u{2010}\u{2010}privileged", "U+2010"), ("🤖", "U+1F916"),
    ]

    @Test(arguments: [WatcherKind.docker, .systemd, .launchd]) func `A name is made of its type's letters or refused`(
        kind: WatcherKind
    ) throws {
        var bench = try ResolverBench()
        bench.kinds = WatcherKind.allCases
        bench.options.watch = Self.strange.map { "\(kind.rawValue):\($0.0)" }
        let problems = bench.problems
        #expect(problems.count == Self.strange.count)
        for ((name, letter), problem) in zip(Self.strange, problems) {
            #expect(problem.hasPrefix("--watch '\(kind.rawValue):"))
            #expect(problem.hasSuffix("': \(Self.alphabets[kind] ?? "")\(letter)"), "\(name.debugDescription)")
        }
    }

    @Test(arguments: WatcherKind.allCases) func `A name is no option, not too long, and seen as it is`(
        kind: WatcherKind
    ) throws {
        var bench = try ResolverBench()
        bench.kinds = WatcherKind.allCases
        let long = kind == .process ? 4096 : 4000
        let wrong = [
            ("--privileged", "a name may not begin with '-'"), ("-k", "a name may not begin with '-'"),
            (String(repeating: "a", count: long), "a name has at most \(kind == .process ? 4095 : 255) bytes"),
            (String(repeating: "a", count: 250) + "\n", "U+000A"), ("bot\nx", "U+000A"), ("bo\u{202E}t", "U+202E"),
            ("bo\u{200B}t", "U+200B"), ("bot\u{7F}", "U+007F"), ("bot\u{85}x", "U+0085"), ("bot\u{2029}x", "U+2029"),
        ]
        bench.options.watch = wrong.map { "x=\(kind.rawValue):\($0.0)" }
        let problems = bench.problems
        #expect(problems.count == wrong.count)
        for ((_, reason), problem) in zip(wrong, problems) { #expect(problem.contains(reason)) }
        for problem in problems {
            #expect(problem.count < 350)
            #expect(
                problem.unicodeScalars.allSatisfy {
                    ![.control, .format, .lineSeparator].contains($0.properties.generalCategory)
                })
        }
    }

    /// A part of a command line may be anything that one may hold: it is compared, and given to nobody.
    @Test(arguments: [";rm -rf", "$(id)", "`id`", "b\u{43E}t.py", "bot --privileged", "a*b", "👩\u{200D}🚀.py"])
    func `A text to look for is a text`(name: String) throws {
        var bench = try ResolverBench()
        bench.options.watch = ["process:\(name)"]
        #expect(try bench.resolve().targets.map(\.target.id.name) == [name])
    }

    @Test func `In a file they are wrong in a file`() throws {
        var bench = try ResolverBench()
        bench.kinds = WatcherKind.allCases
        bench.options.watch = []
        bench.options.config = try bench.file(
            "hostile.yaml",
            #"{watch: ["docker:--privileged", "systemd:a;rm", "docker:bot\nx"], targets: {"docker:b t": {}}}"#)
        #expect(bench.problems.count == 4, "\(bench.problems)")
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 78)
    }
}
