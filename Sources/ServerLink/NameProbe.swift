import Dispatch
import NIOConcurrencyHelpers
import Supervision

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Looks a name up, to say why no connection came about in time: the client does not tell whether it ever had an address.
final class NameProbe<C: Clock>: Sendable where C.Instant == BootInstant {
    enum Finding: Sendable, Hashable {
        case resolved
        /// What getaddrinfo(3) returned.
        case failed(Int32)
        case unanswered
    }

    /// A name server that is there answers in far less.
    static var patience: Duration { .seconds(2) }

    private let clock: C
    private let lookUp: @Sendable (String) -> Int32
    private let state = NIOLockedValueBox(State())
    private let queue = DispatchQueue(label: "name probe")

    private struct State {
        var isLooking = false
        var waiters: [AsyncStream<Int32>.Continuation] = []
    }

    /// - Parameter lookUp: asks for a name, and may block for as long as it likes.
    init(clock: C, lookUp: @escaping @Sendable (String) -> Int32 = askSystem) {
        self.clock = clock
        self.lookUp = lookUp
    }

    /// - Parameter name: the same each time.
    func finding(_ name: String) async -> Finding {
        let (codes, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(1))
        // One at a time, for all who ask: where nobody answers each takes long, and can't be given up.
        let begins = state.withLockedValue { state in
            state.waiters.append(continuation)
            defer { state.isLooking = true }
            return !state.isLooking
        }
        if begins { queue.async { [lookUp] in self.end(with: lookUp(name)) } }
        return await withTaskGroup(of: Finding.self) { [clock] group in
            group.addTask {
                for await code in codes { return code == 0 ? .resolved : .failed(code) }
                return .unanswered
            }
            group.addTask {
                try? await clock.sleep(until: clock.now.advanced(by: Self.patience), tolerance: nil)
                return .unanswered
            }
            defer { group.cancelAll() }
            return await group.next() ?? .unanswered
        }
    }

    private func end(with code: Int32) {
        let waiters = state.withLockedValue { state in
            defer { state = State() }
            return state.waiters
        }
        for waiter in waiters {
            waiter.yield(code)
            waiter.finish()
        }
    }
}

private func askSystem(_ name: String) -> Int32 {
    var addresses: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(name, nil, nil, &addresses)
    if let addresses { freeaddrinfo(addresses) }
    return code
}
