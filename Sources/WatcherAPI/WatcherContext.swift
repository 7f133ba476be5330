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

/// A note for each target that survives the runner: an identity, a recipe. Only its watcher knows the form.
package protocol WatcherMemory: Sendable {
    /// The note as it was last saved; nil when there is none or it can't be read.
    func load(_ target: TargetID) async -> [UInt8]?

    /// Replaces the note. Returns only after it is on the disk (fsync(2)), readable by this user alone.
    ///
    /// - Throws: when it could not be written; the old note then still stands.
    func save(_ note: [UInt8], for target: TargetID) async throws
}
