import CSystemd
import Glibc
package import Supervision
package import SystemPackage
import SystemSupport

/// Reads what units wrote to the journal (sd-journal(3)), on a thread of its own: to open it is to map files of a disk
/// that may hang, and nobody else is to wait for it.
package actor JournalReader {
    /// How long journald may take to write down what a process said before it ended: the ways there are not in step.
    private static let delay = Duration.milliseconds(100)
    /// Of one message, in bytes; what is beyond is left out (sd_journal_set_data_threshold(3)).
    private static let longestMessage = 8 << 10
    /// Of all messages, in bytes.
    private static let limit = 64 << 10

    private nonisolated let loop: EventLoop
    private let place: FilePath?

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// - Parameter place: a directory of journal files; nil for this host's own.
    package init(place: FilePath? = nil) throws(Errno) {
        loop = try EventLoop()
        self.place = place
    }

    /// What the processes of a unit wrote last, the newest at the end.
    ///
    /// Only what journald itself vouches for: fields that begin with `_` are not from who wrote (systemd.journal-fields(7)).
    ///
    /// - Parameters:
    ///   - invocation: of which life; empty when that is not known.
    ///   - end: when it is too late to go on.
    /// - Returns: nothing when there is nothing of the unit beside what systemd wrote of it; nil when not even that may be read.
    package func tail(
        of unit: String, in scope: ManagerScope, invocation: String, lines: Int, until end: BootInstant
    ) async -> [UInt8]? {
        let clock = BootClock()
        await withCheckedContinuation { continuation in
            loop.schedule(at: min(end, clock.now.advanced(by: Self.delay))) { continuation.resume() }
        }
        guard !Task.isCancelled, let journal = Self.open(place) else { return nil }
        defer { sd_journal_close(journal) }
        var matches = [scope == .user ? "_SYSTEMD_USER_UNIT=\(unit)" : "_SYSTEMD_UNIT=\(unit)"]
        // Others may have a unit of that name, too.
        if scope == .user { matches.append("_UID=\(geteuid())") }
        if !invocation.isEmpty { matches.append("_SYSTEMD_INVOCATION_ID=\(invocation)") }
        for match in matches where sd_journal_add_match(journal, match, 0) < 0 { return nil }
        sd_journal_set_data_threshold(journal, Self.longestMessage)
        guard sd_journal_seek_tail(journal) >= 0 else { return nil }
        var messages: [[UInt8]] = []
        var size = 0
        while messages.count < lines, clock.now < end, !Task.isCancelled, sd_journal_previous(journal) > 0 {
            let message = Self.message(of: journal)
            size += message.count + 1
            guard size <= Self.limit else { break }
            messages.append(message)
        }
        guard !messages.isEmpty else { return Self.isReadable(journal, unit, in: scope) ? [] : nil }
        return Array(messages.reversed().joined(separator: [UInt8(ascii: "\n")]))
    }

    /// Whether what the manager itself wrote of the unit can be seen: then there is also nothing else hidden.
    private static func isReadable(_ journal: OpaquePointer, _ unit: String, in scope: ManagerScope) -> Bool {
        sd_journal_flush_matches(journal)
        let matches =
            scope == .user ? ["USER_UNIT=\(unit)", "_UID=\(geteuid())"] : ["UNIT=\(unit)", "_PID=1"]
        return hasEntry(journal, matching: matches) ?? false
    }

    /// Whether this user may read what the units of the system write; what cannot be told is no "no".
    package static func mayRead(_ scope: ManagerScope) -> Bool {
        guard scope == .system, geteuid() != 0, let journal = open(nil) else { return true }
        defer { sd_journal_close(journal) }
        return hasEntry(journal, matching: ["_PID=1"]) ?? true
    }

    /// - Returns: nil when it can't be told.
    private static func hasEntry(_ journal: OpaquePointer, matching matches: [String]) -> Bool? {
        for match in matches where sd_journal_add_match(journal, match, 0) < 0 { return nil }
        return sd_journal_seek_tail(journal) >= 0 ? sd_journal_previous(journal) > 0 : nil
    }

    /// All that this user may read.
    ///
    /// - Parameter place: a directory of journals; nil for this machine's own.
    private static func open(_ place: FilePath?) -> OpaquePointer? {
        var journal: OpaquePointer?
        let result =
            place.map { sd_journal_open_directory(&journal, $0.string, 0) }
            ?? sd_journal_open(&journal, Int32(SD_JOURNAL_LOCAL_ONLY))
        return result < 0 ? nil : journal
    }

    /// The text of an entry; empty when it has none.
    private static func message(of journal: OpaquePointer) -> [UInt8] {
        let field = "MESSAGE"
        var start: UnsafeRawPointer?
        var count = 0
        guard sd_journal_get_data(journal, field, &start, &count) >= 0, let start else { return [] }
        // It begins with the name of the field, and belongs to the journal.
        return Array(UnsafeRawBufferPointer(start: start, count: count).dropFirst(field.utf8.count + 1))
    }
}
