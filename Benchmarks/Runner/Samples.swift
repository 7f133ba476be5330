/// Durations measured one by one.
struct Samples: Sendable {
    private(set) var values: [Duration] = []

    init(_ values: [Duration] = []) { self.values = values.sorted() }

    var count: Int { values.count }
    var median: Duration? { quantile(0.5) }
    var p99: Duration? { quantile(0.99) }

    /// The smallest sample that at least that share of all samples does not exceed.
    func quantile(_ share: Double) -> Duration? {
        guard !values.isEmpty else { return nil }
        let rank = Int((share * Double(values.count)).rounded(.up))
        return values[min(max(rank, 1), values.count) - 1]
    }
}

extension Duration {
    /// Milliseconds with their fraction.
    var milliseconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) * 1e3 + Double(attoseconds) / 1e15
    }
}
