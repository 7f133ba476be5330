import CSystemd
import DequeModule
import Glibc
import Supervision
import SystemPackage
package import SystemSupport

/// A connection to a bus, or to a manager's own socket, that an event loop drives and one actor on that loop owns.
///
/// sd-bus is not for several threads, so everything here belongs to the loop's thread; nothing waits. What is to be waited
/// for is asked again after each turn, since descriptor, events and timeout all change (sd_bus_get_fd(3)).
package final class Bus {
    /// How long the other side may take to answer.
    package static let patience = Duration.seconds(10)

    /// How many calls may be without an answer at once: a bus refuses more than 128 from one connection
    /// (max_replies_per_connection in dbus-daemon(1)).
    static let mostCalls = 100

    private struct Pending {
        var method: String
        var then: (Result<BusMessage, BusError>) -> Void
    }

    private struct Waiting {
        var message: BusMessage
        var patience: Duration
        var call: Pending
    }

    private let bus: OpaquePointer
    private let loop: EventLoop
    private let owner: any AnyObject & Sendable
    private let wake: @Sendable () -> Void
    private var isOpen = true
    private var isProcessing = false
    private var watched: (descriptor: Int32, isWriting: Bool, registration: EventLoop.Registration)?
    private var alarm: (until: UInt64, alarm: EventLoop.Alarm)?
    /// By the number that a reply repeats.
    private var pending: [UInt64: Pending] = [:]
    /// To be sent once others are answered, the first first.
    private var waiting: Deque<Waiting> = []

    /// What comes without being asked for.
    package var onSignal: (BusSignal) -> Void = { _ in }
    /// Is called once when the connection is lost, after all who wait were told.
    package var onLoss: (BusError) -> Void = { _ in }

    /// Begins to connect.
    ///
    /// - Parameters:
    ///   - owner: the actor that this belongs to; is kept until `close`.
    ///   - wake: has the owner call `process`, at once and on the loop's thread.
    package init(
        _ route: ManagerRoute, on loop: EventLoop, of owner: any AnyObject & Sendable,
        wake: @escaping @Sendable () -> Void
    ) throws(BusError) {
        bus = try route.open()
        self.loop = loop
        self.owner = owner
        self.wake = wake
        // Goes with the bus.
        try BusError.check(
            sd_bus_add_filter(bus, nil, takeSignal, Unmanaged.passUnretained(self).toOpaque()), "sd_bus_add_filter")
        arm()
    }

    deinit { sd_bus_close_unref(bus) }

    /// Calls a method; `then` is called exactly once, perhaps before this returns.
    ///
    /// Calls are sent in this order, and some only when others were answered: patience begins then.
    package func call(
        _ method: BusMethod, within patience: Duration = Bus.patience,
        _ write: (BusMessage) throws(BusError) -> Void = { _ in },
        then: @escaping (Result<BusMessage, BusError>) -> Void
    ) {
        do throws(BusError) {
            guard isOpen else { throw BusError(call: method.member, errno: .socketNotConnected) }
            let message = try BusMessage(calling: method, on: bus)
            try write(message)
            waiting.append(
                Waiting(message: message, patience: patience, call: Pending(method: method.member, then: then)))
        } catch {
            return then(.failure(error))
        }
        sendWaiting()
        arm()
    }

    private func sendWaiting() {
        while isOpen, pending.count < Self.mostCalls, let next = waiting.popFirst() {
            do throws(BusError) {
                pending[try send(next)] = next.call
            } catch {
                next.call.then(.failure(error))
            }
        }
    }

    private func send(_ next: Waiting) throws(BusError) -> UInt64 {
        try BusError.check(
            sd_bus_call_async(
                bus, nil, next.message.message, takeReply, Unmanaged.passUnretained(self).toOpaque(),
                next.patience.microseconds),
            next.call.method)
        var cookie: UInt64 = 0
        try BusError.check(sd_bus_message_get_cookie(next.message.message, &cookie), next.call.method)
        return cookie
    }

    /// Does all that can be done now.
    package func process() {
        guard isOpen, !isProcessing else { return }
        isProcessing = true
        var result: Int32 = 1
        while isOpen, result > 0 { result = sd_bus_process(bus, nil) }
        isProcessing = false
        guard isOpen else { return }
        if result < 0 { return lose(BusError(call: "the connection to systemd", errno: Errno(rawValue: -result))) }
        arm()
    }

    /// Ends the connection; who waits for a reply is told the reason.
    package func close(_ reason: BusError) {
        guard isOpen else { return }
        isOpen = false
        watched?.registration.cancel()
        watched = nil
        alarm?.alarm.cancel()
        alarm = nil
        sd_bus_close(bus)
        // They may hold the owner.
        onSignal = { _ in }
        onLoss = { _ in }
        let calls = pending.sorted { $0.key < $1.key }.map(\.value) + waiting.map(\.call)
        pending = [:]
        waiting = []
        for call in calls { call.then(.failure(reason)) }
    }

    private func lose(_ reason: BusError) {
        let tell = onLoss
        close(reason)
        tell(reason)
    }

    // MARK: What to wait for

    private func arm() {
        guard isOpen, !isProcessing else { return }
        do throws(BusError) {
            try watch()
            setAlarm()
        } catch {
            // Not now: whoever is calling is not done yet.
            let wake = wake
            loop.execute { wake() }
        }
    }

    private func watch() throws(BusError) {
        let descriptor = try BusError.check(sd_bus_get_fd(bus), "sd_bus_get_fd")
        let events = try BusError.check(sd_bus_get_events(bus), "sd_bus_get_events")
        let isWriting = events & Int32(POLLOUT) != 0
        if let watched, watched.descriptor == descriptor, watched.isWriting == isWriting { return }
        // First away with the old one: what watches one descriptor waits for the same.
        watched?.registration.cancel()
        watched = nil
        do throws(Errno) {
            let registration = try loop.watch(
                descriptor, for: isWriting ? .readableOrWritable : .readable, of: owner, wake)
            watched = (descriptor, isWriting, registration)
        } catch {
            throw BusError(call: "epoll_ctl", errno: error)
        }
    }

    private func setAlarm() {
        // On CLOCK_MONOTONIC, or the highest number for never (sd_bus_get_timeout(3)).
        var until = UInt64.max
        if sd_bus_get_timeout(bus, &until) < 0 { until = .max }
        guard until != alarm?.until ?? .max else { return }
        alarm?.alarm.cancel()
        alarm = until == .max ? nil : (until, loop.schedule(at: BootInstant(monotonicMicroseconds: until), wake))
    }

    // MARK: What comes

    fileprivate func tookReply(_ pointer: OpaquePointer) {
        var cookie: UInt64 = 0
        guard sd_bus_message_get_reply_cookie(pointer, &cookie) >= 0, let call = pending.removeValue(forKey: cookie)
        else { return }
        if let error = sd_bus_message_get_error(pointer) {
            call.then(.failure(BusError(call: call.method, error.pointee)))
        } else {
            call.then(.success(BusMessage(sharing: pointer)))
        }
        sendWaiting()
    }

    fileprivate func tookSignal(_ pointer: OpaquePointer) {
        guard isOpen, sd_bus_message_is_signal(pointer, nil, nil) > 0 else { return }
        onSignal(BusSignal(pointer))
    }
}

// sd-bus takes C functions, which hold nothing: the context is the bus, which outlives all its calls.

private func takeReply(
    _ message: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<sd_bus_error>?
) -> Int32 {
    if let message, let context { Unmanaged<Bus>.fromOpaque(context).takeUnretainedValue().tookReply(message) }
    return 0
}

private func takeSignal(
    _ message: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<sd_bus_error>?
) -> Int32 {
    if let message, let context { Unmanaged<Bus>.fromOpaque(context).takeUnretainedValue().tookSignal(message) }
    // Others may want it, too.
    return 0
}
