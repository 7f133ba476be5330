import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import SystemSupport

@Suite(.timeLimit(.minutes(1)))
struct DirectoryEventsTests {
    @Test func `An overflow tells everybody to look again`() throws {
        let inotify = try OwnedDescriptor(checking: inotify_init1(Int32(IN_CLOEXEC)))
        let directory = try TestProcessDirectory()
        var places = WatchPlaces<Int>(inotify: inotify.rawValue)
        for number in 1...3 { _ = places.add(directory.file("\(number).pid"), number) }
        let overflow = InotifyEvent(watch: -1, mask: UInt32(IN_Q_OVERFLOW), name: [])
        #expect(Set(places.handle(overflow).map(\.0)) == [1, 2, 3])
    }

    @Test func `A thousand files of a directory cost one watch, and only the one that changes is told`() throws {
        let inotify = try OwnedDescriptor(checking: inotify_init1(Int32(IN_CLOEXEC)))
        let directory = try TestProcessDirectory()
        var places = WatchPlaces<Int>(inotify: inotify.rawValue)
        for number in 0..<1000 { _ = places.add(directory.file("\(number).pid"), number) }
        #expect(places.watchCount == 1)
        let created = InotifyEvent(watch: 1, mask: UInt32(IN_CREATE), name: Array("7.pid".utf8))
        #expect(places.handle(created).map(\.0) == [7])
        let other = InotifyEvent(watch: 1, mask: UInt32(IN_CREATE), name: Array("bot.log".utf8))
        #expect(places.handle(other).isEmpty)
    }

    @Test func `A watch that the kernel has ended is set anew`() throws {
        let inotify = try OwnedDescriptor(checking: inotify_init1(Int32(IN_CLOEXEC)))
        let directory = try TestProcessDirectory()
        let below = directory.file("below")
        mkdir(below.string, 0o755)
        var places = WatchPlaces<Int>(inotify: inotify.rawValue)
        _ = places.add(below.appending("bot.pid"), 1)
        rmdir(below.string)
        #expect(places.handle(InotifyEvent(watch: 1, mask: UInt32(IN_IGNORED), name: [])).map(\.0) == [1])
        mkdir(below.string, 0o755)
        let created = InotifyEvent(watch: 2, mask: UInt32(IN_CREATE | IN_ISDIR), name: Array("below".utf8))
        #expect(places.handle(created).map(\.0) == [1])
        let file = InotifyEvent(watch: 3, mask: UInt32(IN_CREATE), name: Array("bot.pid".utf8))
        #expect(places.handle(file).map(\.0) == [1])
    }

    @Test func `Nothing is watched any more when the last file is let go of`() throws {
        let inotify = try OwnedDescriptor(checking: inotify_init1(Int32(IN_CLOEXEC)))
        let directory = try TestProcessDirectory()
        try directory.write("1", to: directory.file("a"))
        var places = WatchPlaces<Int>(inotify: inotify.rawValue)
        let ids = ["a", "b"].map { places.add(directory.file($0), 1) }
        #expect(places.watchCount == 2)
        for id in ids { places.remove(id) }
        #expect(places.watchCount == 0)
    }

    @Test func `A cut record is left out`() {
        let whole: [UInt8] = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0] + Array("ab\0\0".utf8)
        let expected = InotifyEvent(watch: 1, mask: 256, name: Array("ab".utf8))
        #expect(InotifyEvent.parse(whole) == [expected])
        #expect(InotifyEvent.parse(whole + whole.dropLast()) == [expected])
        #expect(InotifyEvent.parse([1, 2, 3]).isEmpty)
    }
}
