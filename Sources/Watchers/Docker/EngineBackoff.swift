/// How long to wait before the engine is tried again.
struct EngineBackoff: Sendable {
    private static let longest = Duration.seconds(15)
    private static let first = Duration.milliseconds(500)

    private var next = Self.first

    mutating func reset() { next = Self.first }

    mutating func delay() -> Duration {
        defer { next = min(next * 2, Self.longest) }
        return next
    }
}
