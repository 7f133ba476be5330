import Glibc
import SystemPackage

/// Which inotify watches stand for which files.
///
/// The directory is watched for entries that come and go; the file itself for what is written to it, so that a busy log
/// in the same directory wakes nobody.
struct WatchPlaces<Handler: Sendable>: Sendable {
    private struct Subscription: Sendable {
        var file: FilePath
        var handler: Handler
        var places: [Place] = []
    }

    /// A watch, and the entry in it that matters; empty for the watched file itself.
    private struct Place: Hashable, Sendable {
        var watch: Int32
        var entry: [UInt8]
    }

    /// With closings, since a new file may be written and closed before it has a watch of its own.
    private static var directoryMask: UInt32 {
        UInt32(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF)
            | UInt32(IN_ONLYDIR)
    }
    private static var fileMask: UInt32 {
        UInt32(IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF) | UInt32(IN_DONT_FOLLOW)
    }

    private let inotify: Int32
    private var subscriptions: [Int: Subscription] = [:]
    /// Each seldom more than one.
    private var subscribers: [Place: [Int]] = [:]
    /// How many places each watch stands for.
    private var uses: [Int32: Int] = [:]
    private var nextID = 0

    /// Is called once, when the kernel gives no more watches.
    private var onShortage: (@Sendable () -> Void)?

    init(inotify: Int32, onShortage: @escaping @Sendable () -> Void = {}) {
        self.inotify = inotify
        self.onShortage = onShortage
    }

    /// How many watches the kernel holds for us.
    var watchCount: Int { uses.count }

    mutating func add(_ file: FilePath, _ handler: Handler) -> Int {
        nextID += 1
        subscriptions[nextID] = Subscription(file: file, handler: handler)
        place(nextID)
        return nextID
    }

    mutating func remove(_ id: Int) {
        for place in subscriptions.removeValue(forKey: id)?.places ?? [] { leave(place, id) }
    }

    mutating func placeAll() {
        var directories: [FilePath: Int32] = [:]
        for (id, subscription) in subscriptions {
            // Most are where they were, many in one directory: that is asked for once.
            let directory = subscription.file.removingLastComponent()
            let watch = directories[directory] ?? addWatch(directory, Self.directoryMask)
            directories[directory] = watch
            let file = addWatch(subscription.file, Self.fileMask)
            if subscription.places.map(\.watch) != [watch, file].compactMap(\.self) { place(id) }
        }
    }

    /// Finds whom an event concerns, and moves their watches when it changed where their files are.
    mutating func handle(_ event: InotifyEvent) -> [(Handler, DirectoryEvents.Hint)] {
        let concerned: Set<Int>
        if event.isOverflow {
            concerned = Set(subscriptions.keys)
        } else if event.endsWatch {
            concerned = all(of: event.watch)
            forget(event.watch)
        } else if event.movesWatch {
            concerned = all(of: event.watch)
        } else {
            concerned = Set(subscribers[Place(watch: event.watch, entry: event.name)] ?? [])
        }
        // What is written to a file does not move it.
        let isWrite = event.name.isEmpty && !event.isOverflow && !event.endsWatch && !event.movesWatch
        if !isWrite { concerned.forEach { place($0) } }
        return concerned.compactMap { id in
            subscriptions[id].map { ($0.handler, event.isClose ? .closed : .changed) }
        }
    }

    private func all(of watch: Int32) -> Set<Int> {
        // A file has one place, and files come and go more often than directories.
        if uses[watch] == 1, let ids = subscribers[Place(watch: watch, entry: [])] { return Set(ids) }
        return subscribers.reduce(into: []) { if $1.key.watch == watch { $0.formUnion($1.value) } }
    }

    private mutating func forget(_ watch: Int32) {
        guard uses.removeValue(forKey: watch) == 1,
            subscribers.removeValue(forKey: Place(watch: watch, entry: [])) != nil
        else {
            subscribers = subscribers.filter { $0.key.watch != watch }
            return
        }
    }

    // MARK: Watches

    /// Watches where the file is now. The kernel gives the watch that it has already for a place it knows.
    private mutating func place(_ id: Int) {
        guard let subscription = subscriptions[id] else { return }
        let places = places(for: subscription.file)
        guard places != subscription.places || places.contains(where: { subscribers[$0] == nil }) else { return }
        for place in places where subscribers[place]?.contains(id) != true {
            if subscribers[place] == nil { uses[place.watch, default: 0] += 1 }
            subscribers[place, default: []].append(id)
        }
        subscriptions[id]?.places = places
        for place in subscription.places where !places.contains(place) { leave(place, id) }
    }

    private mutating func places(for file: FilePath) -> [Place] {
        var found = nearestPlace(for: file)
        // While the watch was being set, the next directory on the way may have come to be.
        for _ in 0..<file.components.count {
            let again = nearestPlace(for: file)
            if again == found { break }
            found = again
        }
        guard let directory = found else { return [] }
        let entry = addWatch(file, Self.fileMask).map { Place(watch: $0, entry: []) }
        return [directory] + (entry.map { [$0] } ?? [])
    }

    private mutating func nearestPlace(for file: FilePath) -> Place? {
        var directory = file
        while let entry = directory.lastComponent {
            directory.removeLastComponent()
            if let watch = addWatch(directory, Self.directoryMask) {
                return Place(
                    watch: watch,
                    entry: entry.withPlatformString { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) })
            }
        }
        return nil
    }

    private mutating func addWatch(_ path: FilePath, _ mask: UInt32) -> Int32? {
        // IN_MASK_ADD: a watch on the same inode for somebody else must not lose its own events.
        let watch = path.withPlatformString { inotify_add_watch(inotify, $0, mask | UInt32(IN_MASK_ADD)) }
        if watch < 0, errno == ENOSPC {
            onShortage?()
            onShortage = nil
        }
        return watch >= 0 ? watch : nil
    }

    private mutating func leave(_ place: Place, _ id: Int) {
        guard let left = subscribers[place]?.filter({ $0 != id }) else { return }
        subscribers[place] = left.isEmpty ? nil : left
        guard left.isEmpty, let count = uses[place.watch] else { return }
        uses[place.watch] = count > 1 ? count - 1 : nil
        if count == 1 { inotify_rm_watch(inotify, place.watch) }
    }
}
