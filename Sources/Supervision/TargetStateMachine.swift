package import WireProtocol

/// Decides what is done about one target: a state, an event and the time give actions. It does no I/O and reads no clock.
///
/// Automatic restarts and commands go through the same states, so that two actions on one target can never be in hand
/// at once. The shell feeds events one after the other and carries out the actions in their order.
package struct TargetStateMachine: Sendable {
    // What is rare is kept apart: a thousand targets run, and one of them is in back-off.
    package enum State: Sendable, Hashable {
        /// Nothing has been observed yet.
        case unseen
        case running(since: BootInstant)
        /// It came up by our doing and has to stay up for a while to count.
        indirect case starting(Trial)
        /// A restart waits for its time.
        indirect case backoff(Plan)
        /// A restart is due and waits for one of the host's start permits.
        indirect case queued(Plan)
        /// The controller is at it.
        indirect case operating(Operation)
        /// An earlier runner ended in the middle of an action, and what it had begun may go on without it.
        indirect case interrupted(Interruption)
        /// Down, and nothing is planned.
        case exited(Rest)
        /// It can't be told whether it lives, for this reason. Nothing is done.
        case undetermined(String)
        /// Its own supervisor is at it, with this said about it. Nothing is done.
        case handledElsewhere(String)
    }

    /// A new life on probation.
    package struct Trial: Sendable, Hashable {
        package var settles: BootInstant
        package var command: CommandTicket?
    }

    /// A restart to come.
    package struct Plan: Sendable, Hashable {
        package var action: TargetAction
        package var due: BootInstant
        package var command: CommandTicket?
        /// How much of the wait is the watcher's grace.
        package var grace = Duration.zero
        /// The policy wants it; one that only a command wants ends with the command.
        package var isByPolicy: Bool
        /// What it was told to wait for when it was last tried.
        package var hindrance: String?
    }

    /// An action in hand.
    package struct Operation: Sendable, Hashable {
        package var action: TargetAction
        /// The life it began with.
        package var before: Identity?
        /// That life was told as unhealthy.
        package var wasUnhealthy = false
        package var command: CommandTicket?
        /// What it was told to wait for when it was last tried.
        package var hindrance: String?
        /// Whether it counts as one of the starts that run at once.
        package var holdsPermit: Bool
        /// The newest thing seen since it began; judged when it has ended.
        package var latest: Observation?
    }

    /// An action of a runner that ended, on a life that has not ended yet.
    package struct Interruption: Sendable, Hashable {
        package var action: TargetAction
        package var command: CommandTicket?
        /// Until when what becomes of that life is the action's doing.
        package var until: BootInstant
        /// The newest thing seen of it; judged when nothing came of the action.
        package var latest: Observation
    }

    /// Why it is down and stays down.
    package enum Rest: Sendable, Hashable {
        /// A `stop` command holds it.
        case held
        /// It ended, and the policy starts nothing after such an end.
        case ended(Identity?)
        /// It was down, or not there, when it was first seen; with the life that had ended.
        case foundDown(Identity?)
        /// It can't be started again.
        case notRestartable(Identity?)
    }

    package enum Event: Sendable, Hashable {
        case observed(Observation)
        /// `deadline` has come.
        case deadlineReached
        /// The permit asked for with `.requestStart` is there.
        case startPermitted
        /// The action in hand has started what it had to, and only waits for what comes of it.
        case startMade
        /// The action asked for with `.perform` has ended.
        case finished(TargetActionOutcome)
        case commanded(CommandTicket)
        /// A person wants it watched and reported, and not restarted by policy; the key takes the result.
        case paused(Pause, for: CommandKey?)
        /// A person wants it supervised as before: ends a pause, and what a `stop` command holds.
        case resumed(for: CommandKey?)
        /// What `.gather` asked for was looked into.
        indirect case gathered(Evidence)
        /// It is to be treated otherwise from now on.
        indirect case configured(TargetSettings)
        /// The runner ends: nothing new is begun.
        case runnerStopping
        /// It is to be watched no more: nothing new is begun.
        case withdrawn
    }

    package enum Action: Sendable, Hashable {
        case report(TargetReport)
        /// Write down how a command ended.
        case resolve(CommandKey, CommandResult)
        /// Write down how things stand. A `.perform` that comes after it waits until both are on the disk.
        case persist(TargetRecord)
        /// Ask for one of the host's start permits; `startPermitted` answers.
        case requestStart
        /// Give the permit back, or withdraw the request.
        case releaseStart
        /// Begin this action; `finished` tells its end.
        case perform(TargetAction)
        /// Look into a death, beside all else; `gathered` tells what was found.
        indirect case gather(Evidence)
    }

    /// How long a new life must stay up for its restart to count as done.
    package static let settleTime = Duration.seconds(5)
    /// How long what a runner had begun may go on after its end: a stop that takes its whole time, and a start.
    package static let interruptedTime = Duration.seconds(30)
    /// How long a start waits that nothing but its surroundings hinder, before it is tried again.
    package static let hindranceTime = Duration.seconds(5)
    /// How long a target must be up to start afresh.
    package static let healthyTime = Duration.seconds(600)

    package let target: WatchedTarget
    package internal(set) var settings: TargetSettings
    package internal(set) var state: State = .unseen
    /// The life that is up, as far as is known; nil when it is known to be down.
    package internal(set) var life: Identity?
    /// A `stop` command holds it down.
    package internal(set) var isHeld: Bool
    /// A person wants nothing restarted by policy.
    package internal(set) var pause: Pause?
    /// Which try this is since the target was last healthy.
    package internal(set) var attempt: Int
    package internal(set) var window: FailureWindow
    /// What plain heartbeats say.
    package internal(set) var report = TargetReport(status: .warning, message: "not looked at yet")

    /// Commands that wait for another action to end.
    var pending: [CommandTicket] = []
    package internal(set) var isStopping = false
    /// It stops because it is to be watched no more.
    package internal(set) var isWithdrawn = false
    private var isLeft = false
    var isCrashLoopTold = false
    /// Why it could not be started again, as last observed.
    var obstacle: String?
    /// What a person should know although it lives, as last observed.
    @Rare var concern: String?
    /// What was in hand before everything became unseen or undetermined; picked up when something is known again.
    var restored: TargetRecord.Phase
    /// Why it was down, and what was told of it, before it became undetermined.
    @Rare var resting: (rest: Rest, report: TargetReport)?
    /// The end that was told last, for what becomes known of it later.
    @Rare var toldEnd: End?
    /// The end that an earlier runner had told of what was to come back, until this one has looked.
    @Rare var toldBefore: End?
    /// What an earlier runner had told of a target that it had seen down.
    @Rare var remembered: TargetRecord.Rest?
    /// The record told that it was down when last seen in this boot.
    var wasKnownDown = false
    /// The record told that somebody had stopped it on purpose.
    var wasStopped = false
    /// The memory of the life that is up or was.
    var lastMemoryMB: Double?
    var jitter: JitterSource
    let bootID: String
    /// What is on the disk is not how things stand.
    private var isUnsaved: Bool
    var actions: [Action] = []

    /// - Parameters:
    ///   - record: what was on disk, from this boot or an earlier one; nil when there was nothing.
    ///   - bootID: the present boot's. Lives and times of another boot mean nothing any more.
    ///   - seed: of the jitter in this target's waits.
    package init(
        target: WatchedTarget, settings: TargetSettings = TargetSettings(), record: TargetRecord? = nil,
        bootID: String, seed: UInt64
    ) {
        self.target = target
        self.settings = settings
        self.bootID = bootID
        jitter = JitterSource(seed: seed)
        isHeld = record?.isHeld ?? false
        // Its end was a moment of a boot that is over.
        pause = record?.bootID == bootID || record?.pause?.until == nil ? record?.pause : nil
        isUnsaved = record?.bootID != bootID
        guard let record, record.bootID == bootID else {
            restored = .idle
            attempt = 0
            window = FailureWindow()
            return
        }
        restored = record.phase
        life = record.life
        attempt = record.attempt
        window = record.window
        wasKnownDown = record.life == nil
        wasStopped = record.isStoppedByOthers ?? false
        remembered = record.rest
        toldEnd = record.toldEnd
        toldBefore = record.toldEnd
    }

    /// When `deadlineReached` is due; nil when nothing waits for time.
    package var deadline: BootInstant? {
        switch (stateDeadline, pause?.until) {
        case (let due?, let until?): min(due, until)
        case (let due, let until): due ?? until
        }
    }

    private var stateDeadline: BootInstant? {
        switch state {
        case .backoff(let plan): isStopping || isHeldBack(plan) ? nil : plan.due
        case .starting(let trial): trial.settles
        case .interrupted(let interruption): interruption.until
        case .running(let since): attempt > 0 ? since.advanced(by: Self.healthyTime) : nil
        case .unseen, .queued, .operating, .exited, .undetermined, .handledElsewhere: nil
        }
    }

    /// Whether an action is in hand.
    package var isOperating: Bool {
        switch state {
        case .operating: true
        case .unseen, .running, .starting, .backoff, .queued, .interrupted, .exited, .undetermined, .handledElsewhere:
            false
        }
    }

    /// Takes one event. The actions are to be carried out in order.
    package mutating func handle(_ event: Event, at now: BootInstant) -> [Action] {
        actions = []
        let before = record
        switch event {
        case .observed(let observation): observed(observation, at: now)
        case .deadlineReached: deadlineReached(at: now)
        case .startPermitted: startPermitted(at: now)
        case .startMade: startMade()
        case .finished(let outcome): finished(outcome, at: now)
        case .commanded(let ticket): commanded(ticket, at: now)
        case .paused(let pause, let key): paused(pause, for: key, at: now)
        case .resumed(let key): resumed(for: key, at: now)
        case .gathered(let evidence): tellEvidence(evidence)
        case .configured(let settings): configured(settings, at: now)
        case .runnerStopping: runnerStopping(at: now)
        case .withdrawn:
            isWithdrawn = true
            runnerStopping(at: now)
        }
        takePending(at: now)
        leaveIfWithdrawn(at: now)
        persistIfChanged(since: before)
        defer { actions = [] }
        return actions
    }

    // MARK: - Time and permits

    private mutating func deadlineReached(at now: BootInstant) {
        if let until = pause?.until, until <= now { resumed(for: nil, at: now) }
        guard let stateDeadline, stateDeadline <= now else { return }
        switch state {
        case .backoff(let plan):
            state = .queued(plan)
            actions.append(.requestStart)
        case .starting(let trial):
            state = .running(since: life?.began ?? now)
            tellUp(kind: .restarted, "is up again", attempt: attempt, at: now)
            resolve(trial.command, .completed, "\(target.agent) is running\(words(for: life))")
        case .running:
            attempt = 0
            window = FailureWindow()
            isCrashLoopTold = false
        case .interrupted(let interruption): nothingCame(of: interruption, at: now)
        case .unseen, .queued, .operating, .exited, .undetermined, .handledElsewhere:
            break
        }
    }

    private mutating func startPermitted(at now: BootInstant) {
        switch state {
        case .queued(let plan):
            guard !isStopping else {
                actions.append(.releaseStart)
                return
            }
            if let command = plan.command, command.isExpired(at: now) {
                actions.append(.releaseStart)
                resolve(command, .failed, "not carried out: it had expired before it could begin")
                withdrawCommand(of: plan, at: now)
                return
            }
            begin(plan.action, command: plan.command, hindrance: plan.hindrance, at: now)
        case .unseen, .running, .starting, .backoff, .operating, .interrupted, .exited, .undetermined,
            .handledElsewhere:
            // The wish was withdrawn while the permit was on its way.
            actions.append(.releaseStart)
        }
    }

    /// Waiting is no start: others need not wait with it.
    private mutating func startMade() {
        switch state {
        case .operating(var operation):
            guard operation.holdsPermit else { return }
            operation.holdsPermit = false
            state = .operating(operation)
            actions.append(.releaseStart)
        case .unseen, .running, .starting, .backoff, .queued, .interrupted, .exited, .undetermined, .handledElsewhere:
            break
        }
    }

    // MARK: - The runner's own end

    private mutating func runnerStopping(at now: BootInstant) {
        isStopping = true
        for ticket in pending {
            resolve(ticket, .failed, "not carried out: \(whyStopping)")
        }
        pending = []
        switch state {
        case .queued(let plan):
            // What the policy planned stays planned: the next runner finds it in the record.
            actions.append(.releaseStart)
            resolve(plan.command, .failed, "not carried out: \(whyStopping)")
            withdrawCommand(of: plan, at: now)
        case .unseen, .running, .starting, .backoff, .operating, .interrupted, .exited, .undetermined,
            .handledElsewhere:
            break
        }
    }

    var whyStopping: String { isWithdrawn ? "it is not watched any more" : "the runner is stopping" }

    /// Says the last words, once nothing is in hand.
    private mutating func leaveIfWithdrawn(at now: BootInstant) {
        guard isWithdrawn, !isOperating, !isLeft else { return }
        isLeft = true
        switch state {
        case .starting(let trial): resolve(trial.command, .failed, "outcome unknown: \(whyStopping)")
        case .backoff(let plan), .queued(let plan): resolve(plan.command, .failed, "not carried out: \(whyStopping)")
        case .interrupted(let left): resolve(left.command, .interrupted)
        case .unseen: if case .operating(_, _, let key?) = restored { actions.append(.resolve(key, .interrupted)) }
        case .running, .operating, .exited, .undetermined, .handledElsewhere: break
        }
        tell(.shutdown, "is not watched any more", .init(kind: .unwatched), at: now)
    }

    /// What is planned goes on, unless it would not be planned now.
    private mutating func configured(_ new: TargetSettings, at now: BootInstant) {
        settings = new
        guard case .backoff(let plan) = state.unqueued, plan.command == nil, plan.isByPolicy else { return }
        let isWanted =
            plan.action == .restart
            ? new.policy.restartsUnhealthy : new.policy.restarts(after: toldEnd ?? End(identity: nil, cause: .unknown))
        guard !isWanted else { return }
        withdrawStart()
        attempt = max(0, attempt - 1)
        let words = "is not restarted: the restart policy is \(new.policy.rawValue) now"
        state = life.map { .running(since: $0.began ?? now) } ?? .exited(.ended(toldEnd?.identity))
        note(.error, words)
    }

    /// Goes on without the command: with what the policy wanted anyway, else with things as they are.
    private mutating func withdrawCommand(of plan: Plan, at now: BootInstant) {
        if plan.isByPolicy {
            state = .backoff(Plan(action: plan.action, due: plan.due, command: nil, isByPolicy: true))
        } else if let life {
            state = .running(since: life.began ?? now)
        } else {
            state = .exited(.foundDown(toldEnd?.identity))
        }
    }

    // MARK: - The record

    /// What must survive the runner, as of now.
    package var record: TargetRecord {
        TargetRecord(
            bootID: bootID, life: life, isHeld: isHeld, pause: pause,
            isStoppedByOthers: isStoppedByOthers ? true : nil,
            attempt: attempt, window: window, phase: recordedPhase, rest: recordedRest,
            toldEnd: life == nil || isEndTold ? toldEnd : nil)
    }

    private var recordedRest: TargetRecord.Rest? {
        switch state {
        case .exited: TargetRecord.Rest(status: report.status, message: report.message)
        case .unseen, .undetermined, .handledElsewhere: life == nil ? remembered : nil
        case .running, .starting, .backoff, .queued, .operating, .interrupted: nil
        }
    }

    private var isStoppedByOthers: Bool {
        switch state {
        case .exited(.ended): toldEnd.map(\.isDeliberate) ?? wasStopped
        case .unseen, .undetermined, .handledElsewhere: wasStopped && life == nil
        case .running, .starting, .backoff, .queued, .operating, .interrupted, .exited: false
        }
    }

    private var recordedPhase: TargetRecord.Phase {
        switch state {
        case .unseen, .undetermined, .handledElsewhere: restored
        case .backoff(let plan), .queued(let plan): .waiting(due: plan.due)
        case .operating(let operation):
            .operating(operation.action, before: operation.before, command: operation.command?.key)
        case .interrupted(let left): .operating(left.action, before: life, command: left.command?.key)
        case .starting(let trial): .settling(command: trial.command?.key)
        case .running, .exited: .idle
        }
    }

    /// Adds the record unless it did not change.
    ///
    /// It precedes what sends a signal or carries out a command. A recovery by policy need not wait for the disk: it
    /// begins nothing that is not written down by its watcher, and a runner that was killed finds the death again.
    private mutating func persistIfChanged(since before: TargetRecord) {
        let record = self.record
        guard isUnsaved || record != before else { return }
        isUnsaved = false
        let index = actions.firstIndex { if case .perform = $0 { true } else { false } }
        actions.insert(.persist(record), at: isRecovering ? actions.endIndex : index ?? actions.endIndex)
    }

    private var isRecovering: Bool {
        if case .operating(let operation) = state {
            operation.action == .recover && operation.command == nil
        } else {
            false
        }
    }
}
