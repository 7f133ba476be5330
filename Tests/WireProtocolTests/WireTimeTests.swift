import FoundationEssentials
import Testing
import WireProtocol

@Suite struct WireTimeTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00.000Z", 0),
            ("1970-01-01T00:00:00.001Z", 1),
            ("1999-12-31T23:59:59.999Z", 946_684_799_999),
            ("2000-02-29T12:00:00.000Z", 951_825_600_000),
            ("2026-11-23T21:16:00.120Z", 1_795_468_560_120),
            ("2100-03-01T00:00:00.000Z", 4_107_542_400_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] as [(String, Int64)])
    func aMomentAndItsTextBelongTogether(text: String, milliseconds: Int64) {
        #expect(WireTime(millisecondsSince1970: milliseconds).rfc3339 == text)
        #expect(WireTime(rfc3339: text)?.millisecondsSince1970 == milliseconds)
    }

    @Test func everyMillisecondOfASecondComesBackAsItWent() {
        for milliseconds in Int64(1_792_790_160_000)..<1_792_790_161_000 {
            let time = WireTime(millisecondsSince1970: milliseconds)
            #expect(WireTime(rfc3339: time.rfc3339) == time)
        }
    }

    @Test func everyDayOfFourCenturiesComesBackAsItWent() {
        for day in stride(from: Int64(0), to: 400 * 366, by: 1) {
            let time = WireTime(millisecondsSince1970: day * 86_400_000 + 3_600_000)
            #expect(WireTime(rfc3339: time.rfc3339) == time)
        }
    }

    @Test(
        arguments: [
            ("2026-11-23T21:16:00Z", 1_795_468_560_000),
            ("2026-11-23t21:16:00z", 1_795_468_560_000),
            ("2026-11-23T21:16:00.1Z", 1_795_468_560_100),
            ("2026-11-23T21:16:00.0009Z", 1_795_468_560_000),
            ("2026-11-23T21:16:00.123456789Z", 1_795_468_560_123),
            ("2026-11-23T23:16:00+02:00", 1_795_468_560_000),
            ("2026-11-23T15:46:00.250-05:30", 1_795_468_560_250),
            ("2026-11-23T21:16:00-00:00", 1_795_468_560_000),
            // A leap second is the last moment of its day and has no number of its own.
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ] as [(String, Int64)])
    func whatOthersWriteIsRead(text: String, milliseconds: Int64) {
        #expect(WireTime(rfc3339: text)?.millisecondsSince1970 == milliseconds)
    }

    @Test(arguments: [
        "", " ", "yesterday", "1795468560", "2026-11-23", "2026-11-23T21:16:00", "2026-11-23T21:16Z",
        "2026-11-23T21:16:00Zjunk", "2026-11-23T21:16:00.120Z\n", " 2026-11-23T21:16:00Z", "2026-11-23 21:16:00Z",
        "2026-11-23T21:16:00,5Z", "2026-11-23T21:16:00.Z", "20261123T211600Z", "2026-1-3T2:6:0Z",
        "2026-02-29T00:00:00Z", "2026-02-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-11-00T00:00:00Z", "2026-11-31T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T25:61:61Z",
        "2026-11-23T21:60:00Z", "2026-11-23T21:16:61Z", "2026-11-23T21:16:00+24:00", "2026-11-23T21:16:00+02:60",
        "2026-11-23T21:16:00+0200", "2026-11-23T21:16:00+", "+2026-11-23T21:16:00Z", "-026-11-23T21:16:00Z",
        "２０２６-11-23T21:16:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "10000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-00:01",
        "2026-11-23T21:16:00." + String(repeating: "0", count: 100) + "Z",
    ])
    func anythingElseIsNoTime(text: String) {
        #expect(WireTime(rfc3339: text) == nil)
    }

    @Test(
        arguments: [
            (0.0, 0), (0.0015, 1), (1_795_468_560.1204, 1_795_468_560_120), (.infinity, 0), (-.infinity, 0), (.nan, 0),
            (1e300, 0),
        ] as [(Double, Int64)])
    func theSystemsTimeIsTakenWithoutATrap(seconds: Double, milliseconds: Int64) {
        #expect(WireTime(Date(timeIntervalSince1970: seconds)).millisecondsSince1970 == milliseconds)
    }

    @Test(
        arguments: [
            (Duration.milliseconds(1500), 1_001_500), (.milliseconds(-1), 999_999), (.microseconds(999), 1_000_000),
            (.seconds(Int64.max), Int64.max), (.seconds(Int64.min), Int64.min + 1_000_000),
        ] as [(Duration, Int64)])
    func itMovesByADurationAndStopsAtTheEnds(duration: Duration, milliseconds: Int64) {
        let time = WireTime(millisecondsSince1970: 1_000_000)
        #expect(time.advanced(by: duration).millisecondsSince1970 == milliseconds)
    }

    @Test(arguments: [Int64.min, -1, 253_402_300_800_000, Int64.max] as [Int64])
    func aMomentOutsideTheWiresYearsIsWrittenAsTheNearestInside(milliseconds: Int64) {
        let text = WireTime(millisecondsSince1970: milliseconds).rfc3339
        #expect(text == (milliseconds < 0 ? "1970-01-01T00:00:00.000Z" : "9999-12-31T23:59:59.999Z"))
    }

    @Test(arguments: ["7", "null", "\"\"", "\"soon\"", "{}"])
    func jsonThatIsNoTimeDoesNotDecode(json: String) {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(WireTime.self, from: Data(json.utf8))
        }
    }

    @Test(
        arguments: [
            (Duration.zero, 0, 0.0), (.milliseconds(1), 1, 0.001), (.microseconds(-1500), -1, -0.0015),
            (.seconds(30), 30_000, 30.0), (.seconds(Int64.max), Int64.max, 9_223_372_036_854_775_807.0),
        ] as [(Duration, Int64, Double)])
    func durationsBecomeMillisecondsAndSeconds(duration: Duration, milliseconds: Int64, seconds: Double) {
        #expect(duration.wholeMilliseconds == milliseconds)
        #expect(duration.wireSeconds == seconds)
    }
}
