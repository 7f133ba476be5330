import ServerLink
import Supervision
import Testing

@Suite struct PacingTests {
    private let began = BootInstant(sinceBoot: .seconds(1000))

    // MARK: - What is sent again

    @Test(arguments: 0..<20 as Range<UInt64>) func theWaitsGrowToTenSecondsWithJitter(seed: UInt64) {
        var pacing = RetryPacing(seed: seed)
        for nominal in [1.0, 2, 4, 8, 10, 10, 10, 10] {
            #expect((.seconds(nominal * 0.8)...(.seconds(nominal * 1.2))).contains(pacing.delay()))
        }
        pacing.reset()
        #expect(pacing.delay() <= .seconds(1.2))
    }

    @Test func theJitterIsNotTheSameForAllRunners() {
        let delays = (0..<50 as Range<UInt64>).map { seed -> Duration in
            var pacing = RetryPacing(seed: seed)
            return pacing.delay()
        }
        #expect(Set(delays).count > 40)
    }

    @Test(arguments: [
        (Duration.seconds(1), Duration.seconds(1)), (.seconds(77), .seconds(77)), (.seconds(3600), .seconds(3600)),
        // A server may ask for patience, not for silence, and not to be asked without a pause.
        (.seconds(Int64(UInt32.max)), .seconds(3600)), (.zero, .seconds(1)), (.seconds(-5), .seconds(1)),
    ])
    func whatTheServerAsksForWins(asked: Duration, delay: Duration) {
        var pacing = RetryPacing(seed: 1)
        #expect(pacing.delay(asked: asked) == delay)
        #expect(pacing.delay(asked: asked) == delay)
    }

    @Test func aWaitThatWasAskedForCountsAsATry() {
        var pacing = RetryPacing(seed: 1)
        _ = pacing.delay(asked: .seconds(30))
        #expect(pacing.delay() >= .seconds(1.6))
    }

    // MARK: - Polls

    @Test(arguments: [
        (Duration.zero, false, Duration.seconds(10)), (.milliseconds(20), false, .seconds(10)),
        (.milliseconds(4999), false, .seconds(10)),
        // A long poll that was held, and one that brought something new, are followed at once.
        (.seconds(5), false, .seconds(5)), (.seconds(55), false, .seconds(55)),
        (.zero, true, .zero), (.milliseconds(4999), true, .milliseconds(4999)),
    ])
    func theNextPollBeginsThatLongAfterTheLastOneBegan(took: Duration, hadNews: Bool, next: Duration) {
        var pacing = PollPacing(seed: 1)
        let moment = pacing.answered(began: began, now: began.advanced(by: took), hadNews: hadNews)
        #expect(began.duration(to: moment) == next)
    }

    @Test func aPollThatFailsIsRepeatedAtThePaceOfTheProtocol() {
        var pacing = PollPacing(seed: 1)
        for nominal in [1.0, 2, 4, 8, 10] {
            let moment = pacing.failed(now: began, asked: nil, isUnauthorized: false)
            #expect((.seconds(nominal * 0.8)...(.seconds(nominal * 1.2))).contains(began.duration(to: moment)))
        }
        _ = pacing.answered(began: began, now: began, hadNews: false)
        let moment = pacing.failed(now: began, asked: nil, isUnauthorized: false)
        #expect(began.duration(to: moment) <= .seconds(1.2))
    }

    @Test func aPollWaitsAsLongAsTheServerAsksAndAMinuteForAKeyThatIsNotAccepted() {
        var pacing = PollPacing(seed: 1)
        #expect(
            pacing.failed(now: began, asked: .seconds(42), isUnauthorized: false) == began.advanced(by: .seconds(42)))
        for _ in 1...3 {
            #expect(
                pacing.failed(now: began, asked: nil, isUnauthorized: true) == began.advanced(by: .seconds(60)))
        }
    }
}
