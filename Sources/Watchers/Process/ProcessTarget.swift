import Logging
import Supervision
import SystemPackage
import SystemSupport
import WatcherAPI

/// One PID-file target: what is remembered of it, the life that is held, and what is done to it.
actor ProcessTarget {
    let id: TargetID
    let file: FilePath
    let settings: TargetSettings
    let host: ProcessHost
    nonisolated let hints = TargetHints()

    /// What is to be on the disk, and what is.
    var note = ProcessNote()
    var savedNote = ProcessNote()
    private var noteInWriting = ProcessNote()
    private var isLoaded = false
    private var saving: Task<Bool, Never>?

    var life: HeldLife?
    var ended: EndedLife?
    /// The life before the one that is held, if it was not known how it ended when that one began.
    var former: EndedLife?
    /// Why what lives can't be started again.
    var obstacle: String?
    /// Its children at the last look.
    var seenChildren: Set<ProcessIdentity> = []
    var pidFile = PIDFile.missing
    var settledFile: FileStamp?
    var fileRemoved: BootInstant?

    /// While a new process is being made, what is seen of it means nothing yet.
    var isLaunching = false
    /// A signal of ours ended it, or is about to.
    var isStopping = false

    private var fileWatch: DirectoryEvents.Watch?
    private var observerCount = 0
    var settleAlarm: SharedTimer.Alarm?
    var rereadAlarm: SharedTimer.Alarm?
    var rewriteAlarm: SharedTimer.Alarm?

    nonisolated var unownedExecutor: UnownedSerialExecutor { host.executor.asUnownedSerialExecutor() }

    init(id: TargetID, file: FilePath, settings: TargetSettings, host: ProcessHost) {
        self.id = id
        self.file = file
        self.settings = settings
        self.host = host
    }

    // MARK: Observing

    /// Subscribes to what can happen to the file. Comes before the first look, so that nothing falls between.
    func beginObserving() async {
        await load()
        observerCount += 1
        guard observerCount == 1 else { return }
        fileWatch = host.events?.watch(file) { [hints] hint in
            hints.raise(hint == .closed ? [.changed, .fileClosed] : .changed)
        }
    }

    /// Gives back what was held for the observer.
    func endObserving() {
        observerCount -= 1
        guard observerCount == 0 else { return }
        fileWatch?.cancel()
        fileWatch = nil
        settleAlarm = nil
        rereadAlarm = nil
        rewriteAlarm = nil
        life?.exit?.cancel()
        life = nil
        ended = nil
        former = nil
        host.claimed.claim(nil, for: id)
    }

    /// Looks, and writes down what may be needed later.
    ///
    /// - Returns: nil while a look would mean nothing.
    func observe() async -> Observation? {
        let reasons = hints.take()
        guard !isLaunching else { return nil }
        let observation = look(reasons)
        if reasons.contains(.rewriteDue) { rewritePIDFile() }
        // A death must not wait for the disk, and needs nothing there.
        if life != nil { _ = await save() }
        return observation
    }

    // MARK: The note

    /// Reads the note, once.
    func load() async {
        guard !isLoaded else { return }
        let bytes = await host.memory.load(id)
        // Somebody else may have been here while we waited.
        guard !isLoaded else { return }
        isLoaded = true
        if let bytes { take(bytes) }
    }

    private func take(_ bytes: [UInt8]) {
        do {
            note = try ProcessNote(decoding: bytes)
            savedNote = note
            obstacle = note.obstacle
        } catch {
            // Not the error: it may quote the environment.
            host.logger.info("Note of an earlier run can't be read, going on without it", metadata: metadata)
        }
    }

    /// Writes the note if it has changed, one save after the other.
    ///
    /// - Returns: whether what is to be on the disk is there.
    func save() async -> Bool {
        while let saving {
            _ = await saving.value
        }
        guard hasUnsavedNote else { return true }
        // Awaited at once, whatever happens to our caller: a note half given to the disk is worse than a late answer.
        let saving = Task { await self.write() }
        self.saving = saving
        return await saving.value
    }

    private var hasUnsavedNote: Bool { note != savedNote }

    private func write() async -> Bool {
        defer { saving = nil }
        do {
            let bytes = try beginWriting()
            try await host.memory.save(bytes, for: id)
        } catch {
            host.logger.info("Note can't be saved", metadata: metadata)
            return false
        }
        return endWriting()
    }

    // Notes are large. Handled outside of `async` functions, they do not lie in the frames of a thousand tasks.

    private func beginWriting() throws -> [UInt8] {
        noteInWriting = note
        noteInWriting.seen = BootClock().now
        return try noteInWriting.encoded()
    }

    private func endWriting() -> Bool {
        savedNote = noteInWriting
        if note.isSameBesidesTime(as: savedNote) { note.seen = savedNote.seen }
        return note == savedNote
    }

    var metadata: Logger.Metadata { ["target": "\(id)"] }
}
