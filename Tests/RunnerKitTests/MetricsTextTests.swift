import RunnerKit
import ServerLink
import Testing

@Suite struct MetricsAddressTests {
    @Test(arguments: [
        ("127.0.0.1:9464", "127.0.0.1", 9464), ("[::1]:1", "::1", 1), ("localhost:0", "localhost", 0),
    ]) func aHostAndAPort(_ text: String, _ host: String, _ port: Int) {
        let address = MetricsAddress(text)
        #expect(address?.host == host && address?.port == port)
        #expect(address?.description == text)
    }

    @Test(arguments: [
        "", "9464", ":9464", "host", "host:", "host:x", "host:65536", "::1:9464", "[]:1", "a b:1", "/run/x:1",
    ])
    func anythingElseIsNone(_ text: String) {
        #expect(MetricsAddress(text) == nil)
    }

    @Test func aHistogramCountsByTheFirstBoundThatHolds() {
        var histogram = LatencyHistogram()
        for seconds in [0.001, 0.01, 0.011, 4000] { histogram.add(seconds: seconds) }
        #expect(histogram.counts == [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    }
}
