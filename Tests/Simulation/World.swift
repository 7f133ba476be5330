import HeapModule
import Supervision
import WireProtocol

/// Virtual time in microseconds since the world began.
typealias Moment = Int64

extension Moment {
    static func milliseconds(_ count: Int64) -> Moment { count * 1000 }
    static func seconds(_ count: Int64) -> Moment { count * 1_000_000 }
    static func minutes(_ count: Int64) -> Moment { count * 60_000_000 }
    static func hours(_ count: Int64) -> Moment { count * 3_600_000_000 }

    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = seconds * 1_000_000 + (attoseconds + 999_999_999_999) / 1_000_000_000_000
    }

    var duration: Duration { .microseconds(self) }

    /// `5:07:31.204551`.
    var text: String {
        let (seconds, rest) = quotientAndRemainder(dividingBy: 1_000_000)
        func padded(_ number: Int64, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
        }
        return "\(seconds / 3600):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2)).\(padded(rest, 6))"
    }
}

/// Time, chance and what is to happen; what everything else in a simulation is made of.
// All of a simulation runs on the program's one thread: so for every class of it that says `@unchecked Sendable`.
final class World: @unchecked Sendable {
    /// What people's clocks show at the beginning, without anybody's error.
    static let beginning = WireTime(millisecondsSince1970: 1_800_000_000_000)

    private struct Alarm: Comparable {
        var time: Moment
        var number: UInt64

        static func < (lhs: Alarm, rhs: Alarm) -> Bool { (lhs.time, lhs.number) < (rhs.time, rhs.number) }
    }

    private struct Deed {
        var machine: Machine?
        var body: () -> Void
    }

    let trace: Trace
    private(set) var now: Moment = 0
    /// Nothing may begin any more.
    private(set) var isOver = false
    private var random: SplitMix64
    private var alarms: Heap<Alarm> = []
    private var deeds: [UInt64: Deed] = [:]
    private var lastNumber: UInt64 = 0
    /// Called after every job and every deed.
    var afterStep: () -> Void = {}

    init(seed: UInt64, trace: Trace) {
        random = SplitMix64(seed: seed)
        self.trace = trace
    }

    // MARK: - Chance

    func draw() -> UInt64 { random.next() }

    func chance(_ probability: Double) -> Bool { Double(draw() >> 11) * 0x1p-53 < probability }

    func between(_ low: Moment, _ high: Moment) -> Moment { low + Moment(draw() % UInt64(high - low + 1)) }

    /// Between both, small ones as likely as large ones.
    func spread(_ low: Moment, _ high: Moment) -> Moment {
        var top = low
        while top < high, chance(0.7) { top = Swift.min(high, top * 2 + 1) }
        return between(low, top)
    }

    func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[Int(draw() % UInt64(elements.count))]
    }

    // MARK: - Time

    /// Has something happen later.
    ///
    /// - Parameter machine: what must be awake for it: on one that sleeps it happens when it wakes.
    @discardableResult
    func after(_ delay: Moment, on machine: Machine? = nil, _ body: @escaping () -> Void) -> UInt64 {
        lastNumber += 1
        alarms.insert(Alarm(time: now + Swift.max(0, delay), number: lastNumber))
        deeds[lastNumber] = Deed(machine: machine, body: body)
        return lastNumber
    }

    func cancel(_ number: UInt64) {
        deeds[number] = nil
    }

    /// Sleeps. Returns early when the task is cancelled.
    func sleep(_ delay: Moment, on machine: Machine? = nil) async {
        let wake = Wake()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard !Task.isCancelled else { return continuation.resume() }
                wake.continuation = continuation
                let number = after(delay, on: machine) { wake.up() }
                wake.number = number
            }
        } onCancel: {
            self.cancel(wake.number)
            wake.up()
        }
    }

    private final class Wake: @unchecked Sendable {
        var continuation: CheckedContinuation<Void, Never>?
        var number: UInt64 = 0

        func up() {
            continuation?.resume()
            continuation = nil
        }
    }

    // MARK: - Running

    /// How many jobs may run without time going on.
    private static let mostAtOnce = 300_000

    /// Lets everything happen until then.
    func run(until end: Moment) throws(Violation) {
        while true {
            settle()
            if let violation = trace.violation { throw violation }
            guard let next = alarms.min, next.time <= end else { break }
            alarms.removeMin()
            guard let deed = deeds[next.number] else { continue }
            if let machine = deed.machine, machine.asleepUntil > next.time {
                // In their order: who was to wake first still does.
                alarms.insert(Alarm(time: machine.asleepUntil, number: next.number))
                continue
            }
            deeds[next.number] = nil
            now = Swift.max(now, next.time)
            deed.body()
            afterStep()
        }
        now = Swift.max(now, end)
    }

    private func settle() {
        var count = 0
        while Scheduler.runOne() {
            count += 1
            afterStep()
            guard count < Self.mostAtOnce else { return trace.violated(.busy, "jobs without end at one moment") }
        }
    }

    /// Runs what is left after everything was cancelled, without further faults, so that no task is left.
    func end() {
        isOver = true
        afterStep = {}
        while true {
            while Scheduler.runOne() {}
            guard let next = alarms.popMin() else { break }
            now = Swift.max(now, next.time)
            deeds.removeValue(forKey: next.number)?.body()
        }
    }
}

/// A computer that can sleep; its clocks.
final class Machine: @unchecked Sendable {
    let world: World
    let name: String
    var asleepUntil: Moment = 0
    /// How wrong its time of day is.
    var wallError: Moment = 0
    var bootedAt: Moment = 0
    /// How long it has slept since it was booted.
    var slept: Moment = 0

    init(_ world: World, name: String) {
        self.world = world
        self.name = name
    }

    var wall: WireTime { World.beginning.advanced(by: (world.now + wallError).duration) }
    /// CLOCK_BOOTTIME.
    var boottime: BootInstant { BootInstant(sinceBoot: (world.now - bootedAt).duration) }
    /// CLOCK_MONOTONIC.
    var steady: Duration { (world.now - bootedAt - slept).duration }

    func fallAsleep(for time: Moment) {
        // It may be asleep already.
        let since = max(asleepUntil, world.now)
        asleepUntil = max(asleepUntil, world.now + time)
        slept += asleepUntil - since
    }

    var isAsleep: Bool { asleepUntil > world.now }
}
