import Logging
import Supervision
import SystemPackage
import SystemSupport
import WatcherAPI

/// One target: what is remembered of it, the life that is held, and what is done to it.
actor ProcessTarget {
    let id: TargetID
    private(set) var settings: TargetSettings
    let host: ProcessHost
    nonisolated let hints: TargetHints
    let finder: any ProcessFinder

    /// What is to be on the disk.
    var note = ProcessNote()
    /// Of the note that is there: the note itself is seldom needed again.
    private var savedHash = ProcessNote().hashValue
    /// A recipe that is not on the disk yet.
    @Rare private var unsavedRecipe: LaunchRecipe?
    /// Of the recipe that is remembered; nil when it was not looked at since the runner's start.
    private var recipeHash: Int?
    private var isLoaded = false
    private var saving: Task<Bool, Never>?
    /// Why what was last to be saved was not.
    @Rare private(set) var saveProblem: String?

    var life: HeldLife?
    @Rare var ended: EndedLife?
    /// The life before the one that is held: nobody may have been told that it ended, or how.
    @Rare var former: EndedLife?
    /// Why what lives can't be started again.
    var obstacle: String?
    /// Its working directory is gone: what is to be said of that.
    @Rare var directoryConcern: String?
    /// Its children at the last look.
    var seenChildren: Set<ProcessIdentity> = []

    /// While a new process is being made, what is seen of it means nothing yet.
    var isLaunching = false
    /// A signal of ours ended it, or is about to.
    var isStopping = false

    private var listener: TargetHints.Listener?
    private var listenings = 0
    /// What was last reported; equal ones in a row are left out.
    private var reported: Observation?
    var rereadAlarm: SharedTimer.Alarm?
    /// Rings while a shortage keeps something from being seen.
    var shortageAlarm: SharedTimer.Alarm?
    /// Whether the life that is remembered lives can't be told for a shortage.
    var isUnheld = false
    var rewriteAlarm: SharedTimer.Alarm?

    nonisolated var unownedExecutor: UnownedSerialExecutor { host.loop.asUnownedSerialExecutor() }

    init(id: TargetID, settings: TargetSettings, host: ProcessHost) {
        self.id = id
        self.settings = settings
        self.host = host
        let hints = TargetHints()
        self.hints = hints
        finder =
            switch ProcessName(id.name) {
            case .pidFile(let path): PIDFileFinder(id: id, path: FilePath(path), host: host, hints: hints)
            case .match(let text): MatchFinder(id: id, text: text, settings: settings, host: host, hints: hints)
            }
    }

    // MARK: Observing

    /// Subscribes to what can happen. Comes before the first look, so that nothing falls between.
    func beginObserving(_ wake: @escaping @Sendable () -> Void) async {
        await load()
        listener = hints.listen(wake)
        listen()
    }

    /// Gives back what was held for the observer.
    func endObserving() {
        guard let listener else { return }
        hints.forget(listener)
        self.listener = nil
        reported = nil
        rest()
        rereadAlarm = nil
        rewriteAlarm = nil
        shortageAlarm = nil
        letGoOfLife()
        ended = nil
        former = nil
    }

    /// Goes by other settings, and looks again.
    func take(_ new: TargetSettings) {
        guard new != settings else { return }
        if let user = new.user, note.pin.map({ !$0.isOf(user: user) }) ?? false { note = ProcessNote() }
        settings = new
        finder.take(new)
        hints.raise([.changed, .refresh])
    }

    /// Has the finder raise hints; each call is matched by one of `rest`.
    func listen() {
        listenings += 1
        if listenings == 1 { finder.listen() }
    }

    func rest() {
        listenings -= 1
        if listenings == 0 { finder.rest() }
    }

    /// Looks, and writes down what may be needed later.
    ///
    /// - Returns: nil when there is nothing new, and while a look would mean nothing.
    func observe() async -> Observation? {
        if isFirstSight { await refresh() }
        guard let (observation, reasons) = lookUnlessLaunching() else { return nil }
        if reasons.contains(.rewriteDue) { announce() }
        // A death must not wait for the disk, and needs nothing there.
        if life != nil { _ = await save() }
        guard observation != reported else { return nil }
        reported = observation
        return observation
    }

    /// The question and the look in one: others get their turn at every `await`, also at one for a method of our own, since
    /// an observer's preferred executor is another one (SE-0417).
    private func lookUnlessLaunching() -> (Observation, TargetHints.Reasons)? {
        let reasons = hints.take(listener, isLooking: !isLaunching)
        return isLaunching ? nil : (look(reasons), reasons)
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
            // Somebody else's process was the target before `user:` was set.
            if let user = settings.user, note.pin.map({ !$0.isOf(user: user) }) ?? false { note = ProcessNote() }
            savedHash = note.hashValue
            obstacle = note.obstacle
        } catch {
            // Not the error: it may quote the environment.
            host.logger.info("Note of an earlier run can't be read, going on without it", metadata: metadata)
        }
    }

    /// Writes the note if it has changed, one save after the other.
    ///
    /// - Parameter always: also if it has not.
    /// - Returns: whether what is to be on the disk is there.
    func save(always: Bool = false) async -> Bool {
        while let saving {
            _ = await saving.value
        }
        guard always || hasUnsavedNote else { return true }
        // Awaited at once, whatever happens to our caller: a note half given to the disk is worse than a late answer.
        let saving = Task { await self.write() }
        self.saving = saving
        return await saving.value
    }

    private var hasUnsavedNote: Bool { note.hashValue != savedHash || unsavedRecipe != nil }

    private func write() async -> Bool {
        defer { saving = nil }
        var written = note
        written.seen = BootClock().now
        let recipe = unsavedRecipe
        do {
            try await host.memory.save(try written.encoded(), attachment: try recipe?.encoded(), for: id)
        } catch {
            saveProblem = "\(error)"
            host.logger.info("Note can't be saved", metadata: metadata.merging(["error": "\(error)"]) { $1 })
            return false
        }
        saveProblem = nil
        savedHash = written.hashValue
        if unsavedRecipe == recipe { unsavedRecipe = nil }
        if note.isSameBesidesTime(as: written) { note.seen = written.seen }
        return note == written
    }

    // MARK: The recipe

    /// What is needed to start it again; nil when it was never seen, or can't be read.
    var recipe: LaunchRecipe? {
        guard note.recipe != nil else { return nil }
        return unsavedRecipe ?? savedRecipe
    }

    func remember(_ recipe: LaunchRecipe) {
        let hash = recipe.hashValue
        guard note.recipe == nil || recipeHash != hash else { return }
        let isSaved = note.recipe != nil && recipeHash == nil && recipe == savedRecipe
        recipeHash = hash
        note.recipe = RecipeMark(recipe)
        if !isSaved { unsavedRecipe = recipe }
    }

    private var savedRecipe: LaunchRecipe? {
        host.memory.attachment(of: id).flatMap { try? LaunchRecipe(decoding: $0) }
    }

    var metadata: Logger.Metadata { ["target": "\(id)"] }
}
