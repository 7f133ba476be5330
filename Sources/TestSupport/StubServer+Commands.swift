import FoundationEssentials
import NIOConcurrencyHelpers
package import WireProtocol

extension StubServer {
    /// The commands a stub server has to offer, oldest first.
    struct CommandQueue {
        struct Entry {
            var command: Command
            var deliveries = 0
            var isSettled = false
        }

        var nextID: Int64
        let redelivery: Configuration.Redelivery
        var entries: [Entry] = []

        mutating func add(_ make: (Int64) -> Command) -> Command {
            let command = make(nextID)
            nextID += 1
            entries.append(Entry(command: command))
            return command
        }

        /// What a poll gets now; counts as a delivery.
        mutating func offer() -> [Command] {
            var offered: [Command] = []
            for index in entries.indices where !entries[index].isSettled {
                if redelivery == .once, entries[index].deliveries > 0 { continue }
                entries[index].deliveries += 1
                offered.append(entries[index].command)
            }
            return offered
        }

        /// Notes that a result came; `false` for a command that was never queued.
        mutating func settle(_ id: Int64) -> Bool {
            guard let index = entries.firstIndex(where: { $0.command.id == id }) else { return false }
            entries[index].isSettled = true
            return true
        }
    }

    /// Queues a command; a held poll is answered with it at once.
    ///
    /// - Parameters:
    ///   - action: `restart`, `stop`, or what no runner knows.
    ///   - type: The watcher's type, as the agent's heartbeats name it.
    ///   - target: What the agent's heartbeats call `restart_target`.
    ///   - agent: Left out for servers that know only the base protocol.
    ///   - expiresIn: Seconds until it must no longer be carried out.
    /// - Returns: The command as it is offered.
    @discardableResult
    package func queue(
        _ action: String, type: String = "process", target: String, agent: String? = nil, expiresIn: Double? = nil
    ) -> Command {
        let isWhole = state.withLockedValue { $0.configuration.knowledge == .whole }
        let issuedAt = isWhole ? WireTime(Date()) : nil
        let (command, waiting, observers) = state.withLockedValue { state in
            let command = state.commands.add { id in
                Command(
                    id: id, action: action, type: type, target: target, agent: agent, issuedAt: issuedAt,
                    expiresIn: expiresIn)
            }
            return (command, state.answerHeldPoll(), state.observers.values)
        }
        if let waiting { waiting.connection.send(waiting.answer) }
        for observer in observers { observer.yield() }
        return command
    }

    /// How often a command was offered in an answer.
    package func deliveries(of id: Int64) -> Int {
        state.withLockedValue { $0.commands.entries.first { $0.command.id == id }?.deliveries ?? 0 }
    }
}
