import CPlatformShims
import Glibc
package import SystemPackage

/// Calls back when one of some signals comes to this program (signal(7)), until the program ends.
///
/// The handler proper only writes to an eventfd(2), as signal-safety(7) allows. Not a blocked signal and signalfd(2): those
/// who are started would inherit the blocking.
package final class SignalWatch: Sendable {
    private let registration: EventLoop.Registration

    /// - Parameter handler: is called on the loop's thread, once for signals that come at about the same time; it must not
    ///   block.
    package init(
        _ signals: [Int32], on loop: EventLoop, _ handler: @escaping @Sendable () -> Void
    ) throws(Errno) {
        let counter = try OwnedDescriptor(checking: eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)))
        registration = try loop.watch(counter.rawValue, of: counter) {
            var count: UInt64 = 0
            if read(counter.rawValue, &count, MemoryLayout.size(ofValue: count)) > 0 { handler() }
        }
        for signal in signals {
            let result = clevagent_count_signal(signal, counter.rawValue)
            guard result == 0 else { throw Errno(rawValue: -result) }
        }
    }
}
