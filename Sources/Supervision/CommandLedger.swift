package import WireProtocol

/// What became of every command, so that none is carried out twice, also when the server offers it again.
///
/// It is the sum of its entries: writing each to disk before it is acted upon, and adding them up again at start, gives
/// the same ledger.
package struct CommandLedger: Sendable, Hashable {
    /// One line of the ledger.
    package enum Entry: Sendable, Hashable, Codable {
        case received(CommandKey)
        case resolved(CommandKey, CommandResult)
        /// The server has taken the result, or refused it for good.
        case reported(CommandKey)
    }

    /// What a command that was just received is.
    package enum Standing: Sendable, Hashable {
        case new
        /// It is being carried out; its result will come.
        case inHand
        /// It was carried out; the server has not kept the result.
        case resolved(CommandResult)
    }

    private enum Line: Sendable, Hashable {
        case inHand
        case resolved(CommandResult, isReported: Bool)
    }

    /// Commands that are over and told are kept for as many later ones; the others are never dropped.
    package static let kept = 1000

    private var lines: [CommandKey: Line] = [:]
    private var order: [CommandKey] = []

    package init() {}

    /// Says what a received command is, without taking it.
    package func standing(of key: CommandKey) -> Standing {
        switch lines[key] {
        case nil: .new
        case .inHand: .inHand
        case .resolved(let result, _): .resolved(result)
        }
    }

    /// Takes one entry. The first result of a command stands; an entry about an unknown one changes nothing.
    package mutating func apply(_ entry: Entry) {
        switch entry {
        case .received(let key):
            guard lines[key] == nil else {
                // Offered again after it was told: the result is to be told again.
                if case .resolved(let result, isReported: true) = lines[key] {
                    lines[key] = .resolved(result, isReported: false)
                }
                return
            }
            lines[key] = .inHand
            order.append(key)
            forgetOldest()
        case .resolved(let key, let result):
            guard lines[key] == .inHand else { return }
            lines[key] = .resolved(result, isReported: false)
        case .reported(let key):
            guard case .resolved(let result, _) = lines[key] else { return }
            lines[key] = .resolved(result, isReported: true)
        }
    }

    /// Results that the server has not taken yet, oldest command first.
    package var unreported: [(key: CommandKey, result: CommandResult)] {
        order.compactMap { key in
            guard case .resolved(let result, isReported: false) = lines[key] else { return nil }
            return (key, result)
        }
    }

    /// Commands that were received and have no result, oldest first.
    package var inHand: [CommandKey] {
        order.filter { lines[$0] == .inHand }
    }

    /// Leaves what has no result to somebody else.
    package mutating func forgetInHand() {
        let left = Set(inHand)
        order.removeAll { left.contains($0) }
        for key in left { lines[key] = nil }
    }

    /// The fewest entries that give this ledger.
    package var entries: [Entry] {
        order.flatMap { key -> [Entry] in
            switch lines[key] {
            case nil: []
            case .inHand: [.received(key)]
            case .resolved(let result, isReported: false): [.received(key), .resolved(key, result)]
            case .resolved(let result, isReported: true): [.received(key), .resolved(key, result), .reported(key)]
            }
        }
    }

    private mutating func forgetOldest() {
        guard order.count > Self.kept else { return }
        let index = order.firstIndex { if case .resolved(_, isReported: true) = lines[$0] { true } else { false } }
        guard let index else { return }
        lines[order.remove(at: index)] = nil
    }
}
