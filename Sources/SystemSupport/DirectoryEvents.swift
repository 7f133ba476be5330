import Glibc
import NIOConcurrencyHelpers
package import SystemPackage

/// Tells when files appear, change or go: one inotify instance for all of them (inotify(7)).
///
/// A file need not exist, nor its directory: the nearest ancestor that exists is then watched. Events are hints; the
/// caller reads the file.
package final class DirectoryEvents: Sendable {
    /// What a hint can say beyond "look again".
    package enum Hint: Sendable, Hashable {
        case changed
        /// Somebody who wrote to it has closed it.
        case closed
    }

    /// Hints about one file, until it is cancelled or forgotten.
    package final class Watch: Sendable {
        fileprivate let id: Int
        private let events: DirectoryEvents

        fileprivate init(id: Int, events: DirectoryEvents) {
            self.id = id
            self.events = events
        }

        package func cancel() {
            events.remove(id)
        }

        deinit { events.remove(id) }
    }

    fileprivate typealias Handler = @Sendable (Hint) -> Void

    private let descriptor: OwnedDescriptor
    private let state: NIOLockedValueBox<WatchPlaces<Handler>>
    private let registration = NIOLockedValueBox<EventLoop.Registration?>(nil)

    /// - Parameters:
    ///   - loop: hints are given on its thread.
    ///   - onShortage: is called once, when the kernel gives no more watches: then some files have no hints. It must
    ///     not call this.
    package init(on loop: EventLoop, onShortage: @escaping @Sendable () -> Void = {}) throws(Errno) {
        descriptor = try OwnedDescriptor(checking: inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK)))
        state = NIOLockedValueBox(WatchPlaces(inotify: descriptor.rawValue, onShortage: onShortage))
        let registration = try loop.watch(descriptor.rawValue, of: descriptor) { [weak self] in self?.readEvents() }
        self.registration.withLockedValue { $0 = registration }
    }

    /// Begins to give hints about a file. What happened before this returns is not told: read the file after it.
    package func watch(_ file: FilePath, _ handler: @escaping @Sendable (Hint) -> Void) -> Watch {
        Watch(id: state.withLockedValue { $0.add(file, handler) }, events: self)
    }

    /// Looks again where each file is, for what no event tells: a moved ancestor, a symbolic link that points elsewhere.
    package func refresh() {
        state.withLockedValue { $0.placeAll() }
    }

    private func remove(_ id: Int) {
        state.withLockedValue { $0.remove(id) }
    }

    private func readEvents() {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor.rawValue, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            let events = InotifyEvent.parse(buffer.prefix(count))
            let hints = state.withLockedValue { places in events.flatMap { places.handle($0) } }
            for (handler, hint) in hints { handler(hint) }
        }
    }
}
