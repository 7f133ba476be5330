import Glibc

/// Tells whoever waits what is measured now, and since when.
struct Progress: Sendable {
    private let begin = ContinuousClock.now

    func say(_ text: String) {
        print("[\((ContinuousClock.now - begin).components.seconds) s] \(text)")
        // All streams: into a pipe, too, each line is to be seen when it is written.
        fflush(nil)
    }
}
