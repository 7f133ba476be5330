/// A signal as images and `--stop-signal` name it: `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`.
struct StopSignal {
    var number: Int32

    /// SIGTERM, what `docker stop` sends unless told otherwise.
    static let standard: Int32 = 15

    init?(_ text: String) {
        if let number = Int32(text) {
            self.number = number
            return
        }
        let name = text.uppercased()
        let short = name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name
        if let number = Self.numbers[short] {
            self.number = number
        } else if short.hasPrefix("RTMIN+"), let above = Int32(short.dropFirst(6)), (0...30).contains(above) {
            number = Self.firstRealTime + above
        } else if short.hasPrefix("RTMAX-"), let below = Int32(short.dropFirst(6)), (0...30).contains(below) {
            number = Self.lastRealTime - below
        } else {
            return nil
        }
    }

    // As glibc numbers them: two are its own (signal(7)).
    private static let firstRealTime: Int32 = 34
    private static let lastRealTime: Int32 = 64
    /// Of x86 and ARM (signal(7)).
    private static let numbers: [String: Int32] = [
        "HUP": 1, "INT": 2, "QUIT": 3, "ABRT": 6, "KILL": 9, "USR1": 10, "USR2": 12, "ALRM": 14, "TERM": 15,
        "WINCH": 28, "PWR": 30, "RTMIN": 34, "RTMAX": 64,
    ]
}
