import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

/// A target of a test's own, and the watcher for it.
protocol WatchedFixture: Sendable {
    var target: TargetID { get }
    var memory: MemoryWatcherMemory { get }
    var watcher: ProcessWatcher { get }
}

extension WatchedFixture {
    /// Observes the target while `body` runs.
    func observing<Result>(_ body: (ObservationReader) async throws -> Result) async throws -> Result {
        try await TestSupport.observing(watcher, target, body)
    }

    func perform(_ action: TargetAction) async -> TargetActionOutcome {
        await watcher.perform(action, on: target) {}
    }

    /// The life that stands in the note on the disk.
    func rememberedLife() throws -> ProcessIdentity? {
        try memory.note(of: target).flatMap { try ProcessNote(decoding: $0).life }
    }
}

extension TargetActionOutcome {
    /// The reason of a failure that another try may do away with.
    var temporaryFailure: String? {
        if case .failed(let reason, isPermanent: false) = self { reason } else { nil }
    }

    /// Whose end had come before.
    var foundEnded: Identity? {
        if case .foundEnded(let end) = self { end.identity } else { nil }
    }

    /// What hindered it, when nothing was begun.
    var hindrance: String? {
        if case .blocked(let reason) = self { reason } else { nil }
    }
}
