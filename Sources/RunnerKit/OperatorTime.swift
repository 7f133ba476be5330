/// A time as an operator types it: `90s`, `30m`, `2h`, `1d`; a number alone is seconds.
package struct OperatorTime: Sendable, Hashable {
    package var seconds: Double

    /// - Returns: nil for what is no time from a second to a year.
    package init?(_ text: String) {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let last = text.last else { return nil }
        let unit = units[last]
        let digits = unit == nil ? text[...] : text.dropLast()
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
            let number = Double(digits)
        else { return nil }
        seconds = number * (unit ?? 1)
        guard (1...366 * 86_400).contains(seconds) else { return nil }
    }
}
