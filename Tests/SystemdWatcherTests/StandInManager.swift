import CSystemd
import Dispatch
import Glibc
import NIOConcurrencyHelpers
import SystemPackage
import SystemSupport
import TestSupport

/// A bus of a test's own, and somebody on it who has systemd's name and answers as he is told.
final class StandInManager: Sendable {
    /// What a method is answered with: puts values in.
    typealias Answer = @Sendable (_ method: String, _ interface: String, _ reply: StandInMessage) -> Void

    let address: String
    private let daemon: ChildProcess
    private let directory: String
    private let isOver = NIOLockedValueBox(false)
    private let answer = NIOLockedValueBox<Answer>({ _, _, _ in })
    private let signals = NIOLockedValueBox<[Answer]>([])
    private let thread = DispatchQueue(label: "stand-in manager")

    init() async throws {
        directory = "/tmp/clevagent-bus-\(UInt32.random(in: 0 ... .max))"
        _ = mkdir(directory, 0o700)
        address = "unix:path=\(directory)/bus"
        daemon = try ChildProcess(
            ["/usr/bin/dbus-daemon", "--session", "--nofork", "--print-address", "--address=\(address)"],
            output: .lines)
        // Its address is printed when it listens.
        for await _ in daemon.lines { break }
        let (started, continuation) = AsyncStream.makeStream(of: Void.self)
        thread.async { [self] in play { continuation.finish() } }
        for await _ in started {}
    }

    func answerWith(_ answer: @escaping Answer) {
        self.answer.withLockedValue { $0 = answer }
    }

    /// Sends a signal with this member and interface, from the manager's object.
    func send(
        _ member: String, _ interface: String, path: String, _ write: @escaping @Sendable (StandInMessage) -> Void
    ) {
        signals.withLockedValue { signals in
            signals.append { _, _, message in
                message.startSignal(path, interface, member)
                write(message)
            }
        }
    }

    func end() async {
        isOver.withLockedValue { $0 = true }
        await withCheckedContinuation { continuation in thread.async { continuation.resume() } }
        await daemon.end()
        unlink(directory + "/bus")
        rmdir(directory)
    }

    private func play(_ ready: () -> Void) {
        var bus: OpaquePointer?
        guard sd_bus_new(&bus) >= 0, sd_bus_set_address(bus, address) >= 0, sd_bus_set_bus_client(bus, 1) >= 0,
            sd_bus_start(bus) >= 0, sd_bus_request_name(bus, "org.freedesktop.systemd1", 0) >= 0,
            sd_bus_add_filter(bus, nil, answerCall, Unmanaged.passUnretained(self).toOpaque()) >= 0
        else { return ready() }
        ready()
        while !isOver.withLockedValue({ $0 }) {
            while sd_bus_process(bus, nil) > 0 {}
            let due = signals.withLockedValue { signals in
                defer { signals = [] }
                return signals
            }
            for signal in due {
                let message = StandInMessage(bus: bus)
                signal("", "", message)
                message.send()
            }
            // Looks for the end now and then.
            sd_bus_wait(bus, 20_000)
        }
        sd_bus_flush_close_unref(bus)
    }

    fileprivate func answer(_ call: OpaquePointer) -> Int32 {
        var type: UInt8 = 0
        guard sd_bus_message_get_type(call, &type) >= 0, type == 1 else { return 0 }
        let text = { (pointer: UnsafePointer<CChar>?) in pointer.map { String(cString: $0) } ?? "" }
        var interface: UnsafePointer<CChar>?
        _ = sd_bus_message_read_basic(call, CChar(UInt8(ascii: "s")), &interface)
        let reply = StandInMessage(replyTo: call)
        answer.withLockedValue { $0 }(text(sd_bus_message_get_member(call)), text(interface), reply)
        reply.send()
        return 1
    }
}

private func answerCall(
    _ message: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<sd_bus_error>?
) -> Int32 {
    guard let message, let context else { return 0 }
    return Unmanaged<StandInManager>.fromOpaque(context).takeUnretainedValue().answer(message)
}

/// A message that is being written.
final class StandInMessage {
    private var message: OpaquePointer?
    private let bus: OpaquePointer?

    init(replyTo call: OpaquePointer) {
        bus = sd_bus_message_get_bus(call)
        sd_bus_message_new_method_return(call, &message)
    }

    init(bus: OpaquePointer?) {
        self.bus = bus
    }

    deinit { sd_bus_message_unref(message) }

    func startSignal(_ path: String, _ interface: String, _ member: String) {
        sd_bus_message_new_signal(bus, &message, path, interface, member)
    }

    func send() { sd_bus_send(bus, message, nil) }

    func text(_ text: String, _ type: Unicode.Scalar = "s") {
        sd_bus_message_append_basic(message, CChar(truncatingIfNeeded: type.value), text)
    }

    func number(_ number: UInt32) {
        var number = number
        sd_bus_message_append_basic(message, CChar(UInt8(ascii: "u")), &number)
    }

    func wide(_ number: UInt64) {
        var number = number
        sd_bus_message_append_basic(message, CChar(UInt8(ascii: "t")), &number)
    }

    func flag(_ flag: Bool) {
        // sd-bus takes an int for it.
        var value: Int32 = flag ? 1 : 0
        sd_bus_message_append_basic(message, CChar(UInt8(ascii: "b")), &value)
    }

    func container(_ type: Unicode.Scalar, _ contents: String, _ body: () -> Void) {
        sd_bus_message_open_container(message, CChar(truncatingIfNeeded: type.value), contents)
        body()
        sd_bus_message_close_container(message)
    }

    /// Properties, each with a value of that type.
    func properties(_ properties: [(name: String, write: (StandInMessage) -> Void, type: String)]) {
        container("a", "{sv}") {
            for property in properties {
                container("e", "sv") {
                    text(property.name)
                    container("v", property.type) { property.write(self) }
                }
            }
        }
    }
}
