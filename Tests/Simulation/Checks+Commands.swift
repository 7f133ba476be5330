import ServerLink
import Supervision
import WireProtocol

// What becomes of commands.
extension Checks {
    /// The command that the record on the disk gives as the reason for an action that begins.
    func commandBehind(_ action: TargetAction, of target: SimulatedTarget, on host: SimulatedHost) -> CommandKey? {
        guard !host.disk.isBehind else { return nil }
        // What a recovery by policy begins is not written first: the record may be of an earlier boot.
        guard let record = host.disk.records[target.id], record.bootID == host.bootID || action != .recover,
            case .operating(let recorded, _, let command) = record.phase, recorded == action
        else {
            if action != .recover { violated(.writtenFirst, "\(action) of \(target.id)") }
            return nil
        }
        return command
    }

    func commandBegins(_ key: CommandKey, _ action: TargetAction, of target: SimulatedTarget, on host: SimulatedHost) {
        guard var order = orders[key.id] else { return violated(.onlyListed, "\(key), which nobody gave") }
        defer { orders[key.id] = order }
        let what = "\(action) of \(target.id) by \(key)"
        if order.target != target.id || order.host != host.number { violated(.onlyListed, what) }
        let isRepeat = order.ended || (action != .recover && !order.performed.isEmpty)
        if isRepeat, lostMemory[host.number].map({ $0 < order.queued }) ?? true { violated(.once, what) }
        if order.result != nil { violated(.once, "\(what), whose result was told") }
        // What an earlier runner had begun in time, and was killed in, is brought to its end.
        let began = order.written ?? world.now
        if order.performed.isEmpty, order.queued > serverErred, began - order.queued > .minutes(15) + .seconds(80) {
            violated(.expired, what)
        }
        order.performed.append(action)
        world.trace.count("command: begun")
        guard order.action == .restart else { return }
        // It also begins the back-off anew.
        with(target, host) { ($0.isHeld, $0.policyStarts, $0.restartsAsked) = (false, [], max(1, $0.restartsAsked)) }
    }

    /// That an action begins is on the disk. A stop holds also if it does not succeed: should the target end, it stays down.
    func recorded(_ record: TargetRecord, before: TargetRecord?, of id: TargetID, on host: SimulatedHost) {
        guard let target = host.target(id) else { return }
        // Also one that began while the disk could not be written.
        // And what somebody starts after that has its back-off anew.
        if record.isHeld, before?.isHeld != true { with(target, host) { ($0.isHeld, $0.policyStarts) = (true, []) } }
        guard case .operating(let action, _, let command) = record.phase, before?.phase != record.phase else { return }
        if let command, orders[command.id]?.written == nil { orders[command.id]?.written = world.now }
        if action == .stop { with(target, host) { $0.isHeld = true } }
        // A start by command begins the back-off anew, also one that does not wait for the disk.
        if let command, orders[command.id]?.action == .restart { with(target, host) { $0.policyStarts = [] } }
    }

    /// A command was queued.
    func queued(_ id: Int64, _ action: CommandAction, _ target: TargetID, host: Int) {
        orders[id] = Order(action: action, target: target, host: host, queued: world.now)
        world.trace.count("command: queued \(action.rawValue)")
        guard let host = hosts.first(where: { $0.number == host }), let target = host.target(target) else { return }
        if action == .restart { with(target, host) { $0.restartsAsked += 1 } }
    }

    /// A result is on the disk of a host.
    func resolved(_ key: CommandKey, _ result: CommandResult, isLate: Bool, on host: SimulatedHost) {
        guard var order = orders[key.id] else {
            if !strays.contains(key.id) || result.status != .rejected { violated(.onlyListed, "\(key): \(result)") }
            return
        }
        if let before = order.result {
            if before != result, lostMemory[host.number].map({ $0 < order.queued }) ?? true {
                violated(.oneResult, "\(key): \(before), then \(result)")
            }
            return
        }
        order.result = result
        order.ended = true
        orders[key.id] = order
        let message = result.message ?? ""
        world.trace.note("\(key) of \(host.machine.name) ends \(result.status): \(message)")
        world.trace.count(
            "command: \(result.status) \(message.hasPrefix("not carried out") ? "(not carried out)" : message.hasPrefix("outcome unknown") ? "(outcome unknown)" : "")"
        )
        if !isLate, order.action == .stop, result.status == .completed, let target = host.target(order.target),
            !target.isAlive
        {
            with(target, host) { $0.isHeld = true }
        }
        if !isLate { check(result, message, order, key, on: host) }
    }

    private func check(
        _ result: CommandResult, _ message: String, _ order: Order, _ key: CommandKey, on host: SimulatedHost
    ) {
        guard let target = host.target(order.target) else { return }
        let isSure = lostMemory[host.number].map { $0 < order.queued } ?? true
        switch result.status {
        case .completed:
            switch order.action {
            case .restart:
                let notes = notes[self.key(target, host)] ?? Notes()
                // What was down for all that the runner knew, and turns out to be up, need not be started anew.
                let isKnown = target.life?.identity.pid.flatMap { notes.seen[$0] }.map { $0 < order.queued } ?? true
                if notes.lastBegan < order.queued, isKnown {
                    violated(.trueResult, "\(key) completed, and nothing began since")
                }
            case .stop:
                if let life = target.life, world.now - life.began > .seconds(40) {
                    violated(.trueResult, "\(key) completed, and \(target.id) lives")
                }
            }
        case .failed:
            if message.hasPrefix("not carried out"), !order.performed.isEmpty, isSure,
                !message.contains("stays down"), order.performed.last != .recover
            {
                violated(.trueResult, "\(key) was begun: \(message)")
            }
        case .rejected: violated(.trueResult, "\(key) rejected: \(message)")
        }
    }
}
