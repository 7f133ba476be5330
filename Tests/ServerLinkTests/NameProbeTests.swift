import Dispatch
import NIOConcurrencyHelpers
import TestSupport
import Testing

@testable import ServerLink

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite(.timeLimit(.minutes(1))) struct NameProbeTests {
    private let clock = TestClock()

    @Test func whatIsAnsweredIsToldAtOnce() async {
        let probe = NameProbe(clock: clock) { $0 == "here.test" ? 0 : EAI_NONAME }
        #expect(await probe.finding("here.test") == .resolved)
        #expect(await probe.finding("nowhere.test") == .failed(EAI_NONAME))
    }

    @Test func nobodyIsWaitedForLongAndNobodyIsAskedTwiceAtOnce() async {
        let gate = DispatchSemaphore(value: 0)
        let asked = NIOLockedValueBox(0)
        let probe = NameProbe(clock: clock) { _ in
            asked.withLockedValue { $0 += 1 }
            gate.wait()
            return 0
        }
        for _ in 0..<2 {
            async let finding = probe.finding("silent.test")
            await clock.sleep(lasting: .seconds(2))
            clock.advance(by: .seconds(2))
            #expect(await finding == .unanswered)
        }
        async let late = probe.finding("silent.test")
        await clock.sleep(lasting: .seconds(2))
        for _ in 0..<4 { gate.signal() }
        #expect(await late == .resolved)
        // Whoever asks after the answer is a look-up of its own; had each been one, this were the fourth.
        #expect(await probe.finding("silent.test") == .resolved)
        #expect(asked.withLockedValue { $0 } == 2)
    }

    @Test(arguments: [
        (EAI_NONAME, "the name a.test could not be resolved: there is no such name"),
        (EAI_AGAIN, "the name a.test could not be resolved: no name server gives an answer"),
        (EAI_SYSTEM, "the name a.test could not be resolved"),
    ])
    func whatTheLookUpReturnedIsToldInWords(code: CInt, words: String) {
        #expect(TransportFailure.words(forLookup: code, of: "a.test") == words)
    }

    @Test func onlyANameIsLookedUp() {
        func name(_ endpoint: String) -> String? {
            TransportFailure.Place(
                .init(endpoint: endpoint, apiKey: Secret(value: testKey), runnerID: "r", userAgent: "t")
            ).nameToResolve
        }
        #expect(name("https://a.test") == "a.test")
        #expect(name("http://127.0.0.1:80") == nil)
        #expect(name("https://[::1]:443") == nil)
    }
}
