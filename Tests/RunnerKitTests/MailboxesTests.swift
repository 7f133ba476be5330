import NIOConcurrencyHelpers
import SystemSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct MailboxesTests {
    @Test func aReceiverHandlesItsMessagesInTheirOrderAndNoTwoAtOnce() async {
        let mailboxes = Mailboxes<String, Int>()
        let log = NIOLockedValueBox<[String: [Int]]>([:])
        let busy = NIOLockedValueBox<Set<String>>([])
        for number in 0..<100 { for receiver in ["a", "b", "c"] { mailboxes.send(number, to: receiver) } }
        await mailboxes.run { receiver, number in
            #expect(busy.withLockedValue { $0.insert(receiver).inserted })
            // Others have their chance to come in between.
            await Task.yield()
            log.withLockedValue { $0[receiver, default: []].append(number) }
            busy.withLockedValue { _ = $0.remove(receiver) }
            // What comes while one is handled is handled, too.
            if number == 50 { mailboxes.send(100, to: receiver) }
            if log.withLockedValue({ $0.values.allSatisfy { $0.count == 101 } && $0.count == 3 }) { mailboxes.finish() }
        }
        #expect(log.withLockedValue { $0 } == ["a": Array(0...100), "b": Array(0...100), "c": Array(0...100)])
    }

    @Test func onlySoManyReceiversAreHandledAtOnceAndTheRestFollow() async {
        let mailboxes = Mailboxes<Int, Void>(width: 2)
        let (begun, beginning) = AsyncStream.makeStream(of: Int.self)
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        for receiver in 1...5 { mailboxes.send((), to: receiver) }
        let gates = NIOLockedValueBox<[CheckedContinuation<Void, Never>]>([])
        async let run: Void = mailboxes.run { receiver, _ in
            await withCheckedContinuation { gate in
                gates.withLockedValue { $0.append(gate) }
                beginning.yield(receiver)
            }
            end.yield()
        }
        var started = begun.makeAsyncIterator()
        var ended = ends.makeAsyncIterator()
        for _ in 1...2 { _ = await started.next() }
        // Two are held, and no third has begun: each end lets one more in.
        for next in 3...5 {
            #expect(gates.withLockedValue { $0.count } == 2)
            gates.withLockedValue { $0.popLast() }?.resume()
            _ = await ended.next()
            #expect(await started.next() == next)
        }
        for gate in gates.withLockedValue({ $0 }) { gate.resume() }
        mailboxes.finish()
        await run
    }

    @Test func anActionRunsBesideThem() async {
        let mailboxes = Mailboxes<Int, Void>(width: 1)
        let (done, doing) = AsyncStream.makeStream(of: Void.self)
        mailboxes.send((), to: 1)
        // The one receiver waits for the action: behind it, nothing would ever go on.
        mailboxes.perform { doing.yield() }
        await mailboxes.run { _, _ in
            _ = await done.first { _ in true }
            mailboxes.finish()
        }
    }
}
