#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// In which form a program writes its log.
package enum LogFormat: String, Sendable, Hashable, CaseIterable {
    /// A line for people, on standard error.
    case text
    /// A JSON object a line, on standard error.
    case json
    /// Entries of systemd's journal, with fields of their own for metadata.
    case journal

    /// Takes a setting: the name of a form, or `auto` for the journal where standard error goes there, else text.
    ///
    /// - Parameters:
    ///   - setting: anything else is `auto`, too.
    ///   - environment: `JOURNAL_STREAM`, with which the service manager says what it has connected to the journal.
    ///   - descriptor: standard error.
    package init(_ setting: String, environment: [String: String], descriptor: CInt = STDERR_FILENO) {
        let isJournal = environment["JOURNAL_STREAM"].map { $0 == Self.stream(descriptor) } ?? false
        self = LogFormat(rawValue: setting) ?? (isJournal ? .journal : .text)
    }

    /// Device and inode of an open file, as systemd.exec(5) has them in `JOURNAL_STREAM`. The variable alone says nothing: whom
    /// we were started by may have sent our standard error elsewhere.
    private static func stream(_ descriptor: CInt) -> String? {
        var facts = stat()
        return fstat(descriptor, &facts) == 0 ? "\(facts.st_dev):\(facts.st_ino)" : nil
    }
}
