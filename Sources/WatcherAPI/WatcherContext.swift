package import Logging
package import Supervision

/// All that a watcher is given when it is made.
package struct WatcherContext: Sendable {
    /// The targets of its kind, with their settings.
    package var targets: [TargetID: TargetSettings]
    /// What it wrote down earlier.
    package var memory: any WatcherMemory
    package var logger: Logger

    package init(targets: [TargetID: TargetSettings], memory: any WatcherMemory, logger: Logger) {
        self.targets = targets
        self.memory = memory
        self.logger = logger
    }
}

/// A note for each target that survives the runner, for instance an identity, and an attachment to it for what is large and
/// seldom needed. Only the target's watcher knows their form.
package protocol WatcherMemory: Sendable {
    /// The note as it was last saved; nil when there is none or it can't be read.
    func load(_ target: TargetID) async -> [UInt8]?

    /// The attachment as it was last saved; nil when there is none or it can't be read. Reads the disk on this thread.
    func attachment(of target: TargetID) -> [UInt8]?

    /// Replaces the attachment, unless it is nil, and then the note. Returns only after they are on the disk (fsync(2)),
    /// readable by this user alone.
    ///
    /// - Throws: when one could not be written; the old note then still stands.
    func save(_ note: [UInt8], attachment: [UInt8]?, for target: TargetID) async throws
}

extension WatcherMemory {
    /// Replaces the note and leaves the attachment as it is.
    package func save(_ note: [UInt8], for target: TargetID) async throws {
        try await save(note, attachment: nil, for: target)
    }
}
