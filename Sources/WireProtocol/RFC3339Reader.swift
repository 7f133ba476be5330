/// Takes an RFC 3339 date-time apart, byte by byte.
struct RFC3339Reader {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = text[...].utf8
    }

    /// Milliseconds since 1970-01-01T00:00:00Z; what is smaller is cut off. nil when the text is anything else.
    mutating func milliseconds() -> Int64? {
        guard rest.count <= 40, let days = date(), take("Tt"), let seconds = time(), let fraction = fraction(),
            let offset = offset(), rest.isEmpty
        else { return nil }
        return Int64(days * 86_400 + seconds - offset) * 1000 + Int64(fraction)
    }

    private mutating func date() -> Int? {
        guard let year = number(4), take("-"), let month = number(2, 1...12), take("-"), let day = number(2, 1...31)
        else { return nil }
        let date = CivilDate(year: year, month: month, day: day)
        // 31 February is 3 March, and so no date.
        return CivilDate(daysSince1970: date.daysSince1970) == date ? date.daysSince1970 : nil
    }

    private mutating func time() -> Int? {
        // A leap second counts as the first of the next minute, as in POSIX.
        guard let hour = number(2, 0...23), take(":"), let minute = number(2, 0...59), take(":"),
            let second = number(2, 0...60)
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    /// Milliseconds; 0 when there is no fraction.
    private mutating func fraction() -> Int? {
        guard take(".") else { return 0 }
        var value = 0
        var digits = 0
        while let digit = number(1) {
            if digits < 3 { value = value * 10 + digit }
            digits += 1
        }
        for _ in digits..<max(3, digits) { value *= 10 }
        return digits > 0 ? value : nil
    }

    /// Seconds east of Greenwich.
    private mutating func offset() -> Int? {
        if take("Zz") { return 0 }
        let sign = take("+") ? 1 : take("-") ? -1 : 0
        guard sign != 0, let hour = number(2, 0...23), take(":"), let minute = number(2, 0...59) else { return nil }
        return sign * (hour * 3600 + minute * 60)
    }

    // MARK: - Bytes

    /// Takes exactly that many ASCII digits.
    private mutating func number(_ digits: Int, _ range: ClosedRange<Int> = 0...9999) -> Int? {
        let head = rest.prefix(digits)
        guard head.count == digits, head.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let value = head.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard range.contains(value) else { return nil }
        rest = rest.dropFirst(digits)
        return value
    }

    /// Takes one of these characters.
    private mutating func take(_ characters: StaticString) -> Bool {
        guard let next = rest.first, characters.withUTF8Buffer({ $0.contains(next) }) else { return false }
        rest = rest.dropFirst()
        return true
    }
}

/// A day of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms"), for years from 0 on.
struct CivilDate: Equatable {
    var year: Int
    var month: Int
    var day: Int

    private static let daysOfEra = 146_097
    /// From 1 March of year 0 to 1 January 1970.
    private static let daysBefore1970 = 719_468

    init(year: Int, month: Int, day: Int) {
        (self.year, self.month, self.day) = (year, month, day)
    }

    init(daysSince1970: Int) {
        let (era, dayOfEra) = (daysSince1970 + Self.daysBefore1970).quotientAndRemainder(dividingBy: Self.daysOfEra)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        // Years that begin in March have their leap day at the end.
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    }

    var daysSince1970: Int {
        let marchYear = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = marchYear.quotientAndRemainder(dividingBy: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * Self.daysOfEra + dayOfEra - Self.daysBefore1970
    }
}
