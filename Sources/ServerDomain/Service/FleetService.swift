package import Logging
import ServiceLifecycle
import WireProtocol

/// Carries decisions about fleets to the store, many in one commit, and answers after it.
///
/// Group commit without a timer: while one commit is on its way to the disk, requests queue up; the next turn takes
/// them all. A single request waits for nobody, and under load one fdatasync serves many.
package actor FleetService: Service {
    private struct Pending {
        var project: ProjectID
        var eventKeys: [EventKey]
        /// Decides now; what it returns is called with the fate of the commit.
        var decide: (inout Fleet, inout Turn) -> @Sendable ((any Error)?) -> Void
    }

    private let repository: any FleetRepository
    private let clock: ServerClock
    private let logger: Logger
    package nonisolated let doorbell = Doorbell()
    private var fleets: [ProjectID: Fleet]
    private var identifiers: IdentifierSource
    private var queue: [Pending] = []
    private var isDown = false
    private nonisolated let work: AsyncStream<Void>
    private nonisolated let workArrived: AsyncStream<Void>.Continuation

    /// Continues with what the store holds.
    package init(repository: any FleetRepository, clock: ServerClock, logger: Logger) async throws {
        self.repository = repository
        self.clock = clock
        self.logger = logger
        (work, workArrived) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (fleets, identifiers) = Self.restore(try await repository.loadFleets(), now: clock.now())
    }

    // MARK: - Requests

    /// Decides something and waits until it is on the disk.
    ///
    /// - Parameter eventIDs: The idempotency keys that the decision will ask for.
    package func decide<Answer: Sendable>(
        in project: ProjectID, eventIDs: [String] = [],
        _ decision: @escaping @Sendable (inout Fleet, inout Turn) -> Answer
    ) async throws -> Answer {
        guard !isDown else { throw FleetServiceError.stopping }
        return try await withCheckedThrowingContinuation { continuation in
            let pending = Pending(
                project: project, eventKeys: eventIDs.map { EventKey(project: project, eventID: $0) }
            ) { fleet, turn in
                let answer = decision(&fleet, &turn)
                return { error in
                    if let error {
                        continuation.resume(throwing: error)
                    } else {
                        continuation.resume(returning: answer)
                    }
                }
            }
            queue.append(pending)
            workArrived.yield()
        }
    }

    /// Looks at a fleet without changing it. What is being committed at this moment already counts.
    package func read<Answer: Sendable>(
        _ project: ProjectID, _ look: @Sendable (Fleet, Moment) -> Answer
    ) -> Answer {
        look(fleets[project] ?? Fleet(project: project), clock.now())
    }

    /// Notes that a runner asked for something; not worth a commit.
    package func see(_ runner: RunnerID, in project: ProjectID) {
        fleets[project]?.see(runner, at: clock.now())
    }

    /// How many requests wait for the commit that runs now to end.
    package var waiting: Int { queue.count }

    // MARK: - Running

    /// Serves requests and deadlines until shutdown; what was queued before that is still committed and answered.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.watchDeadlines() }
                for await _ in work { await takeTurns() }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.doorbell.close()
            self.workArrived.finish()
        }
        isDown = true
        await takeTurns()
    }

    private func takeTurns() async {
        while !queue.isEmpty {
            let taken = queue
            queue = []
            await takeTurn(taken)
        }
    }

    private func takeTurn(_ requests: [Pending]) async {
        let keys = requests.flatMap(\.eventKeys)
        let known: [EventKey: AgentID]
        do {
            known = keys.isEmpty ? [:] : try await repository.deliveries(of: keys)
        } catch {
            logger.error("Store could not be read", metadata: ["error": "\(error)"])
            for request in requests { refuse(request) }
            return
        }
        var turn = Turn(now: clock.now(), identifiers: identifiers, knownEvents: known)
        var answers: [@Sendable ((any Error)?) -> Void] = []
        for request in requests {
            answers.append(request.decide(&fleets[request.project, default: Fleet(project: request.project)], &turn))
        }
        identifiers = turn.identifiers
        let failure = await commit(turn)
        for answer in answers { answer(failure) }
    }

    private func refuse(_ request: Pending) {
        var nowhere = Fleet(project: request.project)
        var turn = Turn(now: clock.now(), identifiers: identifiers)
        request.decide(&nowhere, &turn)(FleetServiceError.storeFailed)
    }

    /// Writes what a turn changed and rings for it. After a failure the store's word counts again.
    private func commit(_ turn: Turn) async -> FleetServiceError? {
        do {
            if !turn.changes.isEmpty { try await repository.commit(turn.changes) }
            doorbell.ring(turn.rings)
            return nil
        } catch {
            logger.error("Store could not be written", metadata: ["error": "\(error)"])
            await reload()
            return .storeFailed
        }
    }

    private func reload() async {
        do {
            let before = identifiers
            (fleets, identifiers) = Self.restore(try await repository.loadFleets(), now: clock.now())
            identifiers.nextCommand = max(identifiers.nextCommand, before.nextCommand)
        } catch {
            logger.error("Store could not be read again", metadata: ["error": "\(error)"])
        }
        doorbell.ring([.deadline])
    }

    // MARK: - Deadlines

    private func watchDeadlines() async {
        while !Task.isCancelled {
            let earlier = doorbell.listen(to: .deadline)
            let next = fleets.values.compactMap(\.nextDeadline).min()
            switch await Waiting.wait(for: earlier, until: next, on: clock) {
            case .rung: continue
            case .timedOut: await actOnDeadlines()
            case .ended: return
            }
        }
    }

    private func actOnDeadlines() async {
        let now = clock.now().steady
        for (project, fleet) in fleets where fleet.nextDeadline.map({ $0 <= now }) ?? false {
            // A failure is logged where it happens, and the restored fleet has its deadlines anew.
            try? await decide(in: project) { fleet, turn in fleet.actOnDeadlines(&turn) }
        }
    }

    private static func restore(
        _ stored: StoredFleets, now: Moment
    ) -> ([ProjectID: Fleet], IdentifierSource) {
        var fleets: [ProjectID: Fleet] = [:]
        for (project, snapshot) in stored.fleets {
            fleets[project] = Fleet(project: project, restoring: snapshot, now: now)
        }
        let identifiers = IdentifierSource(
            lastAgent: stored.lastAgent, lastEvent: stored.lastEvent, lastCommand: stored.lastCommand,
            unixSeconds: now.wall.millisecondsSince1970 / 1000)
        return (fleets, identifiers)
    }
}

/// Why a decision did not last.
package enum FleetServiceError: Error, Sendable, Hashable {
    /// The store refused; nothing was changed and trying again may help.
    case storeFailed
    /// The server is going down.
    case stopping
}
