/// How long things took, counted by upper bounds.
package struct LatencyHistogram: Sendable, Hashable {
    /// In seconds.
    package static let bounds = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 3600]

    /// How many took at most as long as the bound of the same place, and longer than the one before; the last is beyond all.
    package private(set) var counts = Array(repeating: 0, count: bounds.count + 1)
    /// In seconds.
    package private(set) var sum = 0.0

    package init() {}

    package mutating func add(seconds: Double) {
        counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
        sum += seconds
    }
}
