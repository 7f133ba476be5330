import ServerLink

/// Metrics in Prometheus' text format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
struct MetricsText {
    enum Kind: String {
        case counter, gauge, histogram
    }

    private(set) var text = ""

    /// Begins a metric, whose samples follow.
    mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)] = [], _ value: Double) {
        let pairs = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
        text += "\(name)\(pairs.isEmpty ? "" : "{\(pairs)}") \(Self.number(value))\n"
    }

    /// A metric with one sample.
    mutating func add(
        _ name: String, _ kind: Kind, _ help: String, _ value: Double, labels: [(String, String)] = []
    ) {
        begin(name, kind, help)
        sample(name, labels, value)
    }

    mutating func add(_ name: String, _ help: String, _ histogram: LatencyHistogram) {
        begin(name, .histogram, help)
        var count = 0
        for (bound, more) in zip(LatencyHistogram.bounds.map(Self.number) + ["+Inf"], histogram.counts) {
            count += more
            sample("\(name)_bucket", [("le", bound)], Double(count))
        }
        sample("\(name)_sum", [], histogram.sum)
        sample("\(name)_count", [], Double(count))
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// Whole numbers as such.
    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }
}
