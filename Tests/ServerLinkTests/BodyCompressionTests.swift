import ServerLink
import Supervision
import Testing

@Suite struct BodyCompressionTests {
    private let now = BootInstant(sinceBoot: .seconds(1000))
    private let large = [UInt8](repeating: 32, count: BodyCompression.leastBytes)
    private let small = [UInt8](repeating: 32, count: BodyCompression.leastBytes - 1)

    @Test func nothingIsPackedBeforeTheServerOfferedIt() {
        #expect(!BodyCompression().applies(to: large, at: now))
    }

    @Test func largeBodiesArePackedOnceItDid() {
        let compression = offered()
        #expect(compression.applies(to: large, at: now))
        #expect(!compression.applies(to: small, at: now))
    }

    @Test(arguments: [
        (["gzip"], true), (["x-gzip"], true), (["GZIP"], true), (["br", "gzip"], true), (["gzip;q=0.5"], true),
        ([" gzip ; q=1"], true), ([], false), ([""], false), (["deflate"], false), (["gzip;q=0"], false),
        (["gzip; Q=0.000"], false), (["*"], false), (["gzipped"], false), (["identity", "br"], false),
        ([";q=1"], false),
    ])
    func anOfferIsRead(header: [String], isOffer: Bool) {
        var compression = BodyCompression()
        #expect(!note(status: 200, acceptEncoding: header.map { $0[...] }, isPacked: false, in: &compression))
        #expect(compression.applies(to: large, at: now) == isOffer)
    }

    @Test(arguments: [200, 401, 404, 429, 502]) func anAnswerWithoutTheOfferTakesItBack(status: Int) {
        for isPacked in [false, true] {
            var compression = offered()
            #expect(!note(status: status, acceptEncoding: [], isPacked: isPacked, in: &compression))
            #expect(!compression.applies(to: large, at: now))
            #expect(!note(status: 200, acceptEncoding: ["gzip"], isPacked: false, in: &compression))
            #expect(compression.applies(to: large, at: now))
        }
    }

    @Test(arguments: [400, 415, 422]) func aBodyThatWasNotReadGoesOutAgainAndIsTheLastForAnHour(status: Int) {
        for offer in [[], ["gzip"]] as [[Substring]] {
            var compression = offered()
            #expect(note(status: status, acceptEncoding: offer, isPacked: true, in: &compression))
            #expect(!note(status: 200, acceptEncoding: ["gzip"], isPacked: false, in: &compression))
            let later = now.advanced(by: .seconds(3600))
            #expect(!compression.applies(to: large, at: later.advanced(by: .nanoseconds(-1))))
            #expect(compression.applies(to: large, at: later))
        }
    }

    @Test(arguments: [400, 415, 422]) func aRefusalOfAPlainBodyIsNotAboutGzip(status: Int) {
        var compression = offered()
        #expect(!note(status: status, acceptEncoding: ["gzip"], isPacked: false, in: &compression))
        #expect(compression.applies(to: large, at: now))
    }

    /// `#expect` calls nothing that is mutating.
    private func note(
        status: Int, acceptEncoding: [Substring], isPacked: Bool, in compression: inout BodyCompression
    ) -> Bool {
        compression.note(status: status, acceptEncoding: acceptEncoding, isPacked: isPacked, at: now)
    }

    private func offered() -> BodyCompression {
        var compression = BodyCompression()
        _ = compression.note(status: 200, acceptEncoding: ["gzip"], isPacked: false, at: now)
        return compression
    }
}
