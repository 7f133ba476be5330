import Glibc

/// `clevagent-simulation [--seeds FIRST-LAST] [--seed N] [--hours H] [--targets N] [--faults a,b] [--without a,b]
/// [--promise name] [--shrink] [--print] [--twice] [--table]`
@main
enum Main {
    static func main() {
        requireFixedHashes()
        var options = Options()
        do { options = try Options(CommandLine.arguments.dropFirst()) } catch {
            print("clevagent-simulation: \(error)")
            exit(64)
        }
        Scheduler.install()
        exit(Campaign(options: options).run() ? 0 : 1)
    }

    /// The order in dictionaries is part of a trace: without this it is another one in each process (Swift's `Hasher`).
    private static func requireFixedHashes() {
        let name = "SWIFT_DETERMINISTIC_HASHING"
        guard getenv(name) == nil else { return }
        setenv(name, "1", 1)
        var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        execv("/proc/self/exe", &arguments)
        print("clevagent-simulation: can't start itself anew")
        exit(71)
    }
}

struct Options {
    struct Wrong: Error, CustomStringConvertible { var description: String }

    var seeds: ClosedRange<UInt64> = 1...500
    var limits = Limits()
    var isShrinking = false
    var isPrinting = false
    var runsTwice = false
    var showsTable = false

    init() {}

    init(_ arguments: some Sequence<String>) throws {
        var iterator = arguments.makeIterator()
        func value(_ flag: String) throws -> String {
            guard let value = iterator.next() else { throw Wrong(description: "\(flag) needs a value") }
            return value
        }
        func number(_ text: String, _ flag: String) throws -> UInt64 {
            guard let number = UInt64(text) else { throw Wrong(description: "\(flag): '\(text)' is no number") }
            return number
        }
        func faults(_ text: String) throws -> Set<Fault> {
            try Set(
                text.split(separator: ",").map { name in
                    guard let fault = Fault(rawValue: String(name)) else {
                        throw Wrong(description: "no fault '\(name)'; there are \(Fault.allCases.map(\.rawValue))")
                    }
                    return fault
                })
        }
        while let flag = iterator.next() {
            switch flag {
            case "--seed":
                let seed = try number(try value(flag), flag)
                seeds = seed...seed
            case "--seeds":
                let ends = try value(flag).split(separator: "-").map { try number(String($0), flag) }
                guard let first = ends.first, let last = ends.last, first <= last else {
                    throw Wrong(description: "--seeds FIRST-LAST")
                }
                seeds = first...last
            case "--hours": limits.time = .minutes(Int64(try number(try value(flag), flag)) * 60)
            case "--minutes": limits.time = .minutes(Int64(try number(try value(flag), flag)))
            case "--targets": limits.targets = Int(try number(try value(flag), flag))
            case "--faults": limits.faults = try faults(try value(flag))
            case "--without": limits.without = try faults(try value(flag))
            case "--promise":
                let name = try value(flag)
                limits.promise = Invariant.allCases.first { "\($0)" == name }
                if limits.promise == nil {
                    throw Wrong(description: "no promise '\(name)'; there are \(Invariant.allCases)")
                }
            case "--shrink": isShrinking = true
            case "--print": isPrinting = true
            case "--twice": runsTwice = true
            case "--table": showsTable = true
            default: throw Wrong(description: "no flag \(flag)")
            }
        }
    }
}
