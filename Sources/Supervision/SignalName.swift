/// Names of signals as people know them, by Linux's and macOS's common numbers (signal(7)).
package enum SignalName {
    /// `SIGKILL (9)`, or `signal 34` for one without a name that is the same everywhere.
    package static func of(_ number: Int32) -> String {
        names[number].map { "\($0) (\(number))" } ?? "signal \(number)"
    }

    private static let names: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL",
        11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
    ]
}
