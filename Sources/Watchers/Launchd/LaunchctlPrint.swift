/// What `launchctl print` says of a service. The format is for people and no interface (launchctl(1)): what is not
/// understood is left out, and nothing is taken from what stands deeper than the service itself.
package struct LaunchctlPrint: Sendable, Hashable {
    package enum LastExit: Sendable, Hashable {
        case never
        case code(Int32)
        case signal(Int32)
    }

    /// `running`, `not running`, `waiting`, `spawn scheduled`, `xpcproxy` …
    package var state: String?
    package var pid: Int32?
    /// How often it was started since it was loaded.
    package var runs: Int?
    /// Nil when it is not told, or can't be read.
    package var lastExit: LastExit?
    /// The property list that it was loaded from.
    package var path: String?
    package var isKeptAlive = false
    /// Seconds between two starts, at least.
    package var minimumRuntime: Int?

    /// Reads an answer; nil when it describes no service.
    package init?(parsing output: [UInt8]) {
        var depth = 0
        var isService = false
        var hasSignal = false
        for line in output.prefix(1 << 20).split(separator: UInt8(ascii: "\n")) {
            let text = String(decoding: line.prefix(4096), as: UTF8.self).trimmed
            if text == "}" {
                depth -= 1
                if depth <= 0 { break }
            } else if text.hasSuffix("{") {
                isService = isService || depth == 0
                depth += 1
            } else if depth == 1 {
                take(text, &hasSignal)
            }
        }
        guard isService, state != nil || pid != nil else { return nil }
    }

    private mutating func take(_ line: Substring, _ hasSignal: inout Bool) {
        guard let separator = line.firstRange(of: " = ") else { return }
        let value = line[separator.upperBound...].trimmed
        switch line[..<separator.lowerBound] {
        case "state": state = String(value)
        case "pid": pid = Int32(value).flatMap { $0 > 1 ? $0 : nil }
        case "runs": runs = Int(value)
        case "path": path = value.hasPrefix("/") ? String(value) : nil
        case "minimum runtime": minimumRuntime = Int(value).flatMap { (0...86_400).contains($0) ? $0 : nil }
        case "properties": isKeptAlive = value.split(separator: "|").contains { $0.trimmed == "keepalive" }
        case "last terminating signal":
            // It stands in the place of the exit code; one that can't be read leaves how it ended unknown.
            hasSignal = true
            let number = value.lastIndex(of: ":").flatMap { Int32(value[value.index(after: $0)...].trimmed) }
            lastExit = number.flatMap { (1...64).contains($0) ? .signal($0) : nil }
        case "last exit code" where !hasSignal:
            // `78: EX_CONFIG`
            let code = value.prefix { $0 != ":" }.trimmed
            lastExit = value == "(never exited)" ? .never : Int32(code).map(LastExit.code)
        default: break
        }
    }
}

extension Substring {
    var trimmed: Substring {
        var rest = self
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return rest
    }
}

extension String {
    var trimmed: Substring { self[...].trimmed }
}
