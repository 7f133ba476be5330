import RunnerKit
import ServerLink
import Supervision
import SystemPackage
import WireProtocol

/// The state directory of one host: what is in it, how much of that would survive a power cut, and what was promised.
final class SimulatedDisk: @unchecked Sendable {
    private let world: World
    private(set) var bytes: [UInt8]?
    private var synced = 0
    /// Until then nothing can be written.
    var fullUntil: Moment = 0
    /// The n-th write from now fails.
    var failsAfter: Int?
    /// Something was kept in memory only: what the runner knows and the disk does not may be lost with it.
    private(set) var isBehind = false

    /// What the disk said, ever: the promises to be kept.
    private(set) var changes: [String: JournaledChange] = [:]
    private(set) var records: [TargetID: TargetRecord] = [:]
    private(set) var received: Set<CommandKey> = []
    private var unsynced: Set<String> = []

    /// Whether a change would survive a power cut now.
    func isKept(_ eventID: String) -> Bool { changes[eventID] != nil && !unsynced.contains(eventID) }

    /// Hears of results; of those that were in memory only until now, that they are late.
    var onResolved: (CommandKey, CommandResult, _ isLate: Bool) -> Void = { _, _, _ in }

    /// Hears of records, and of what was there before.
    var onRecord: (TargetRecord, TargetRecord?, TargetID) -> Void = { _, _, _ in }

    init(_ world: World) {
        self.world = world
    }

    struct Failure: Error {}

    func replace(with new: [UInt8]) throws {
        try mayFail()
        bytes = new
        synced = new.count
        promise(new)
        isBehind = false
        unsynced = []
    }

    func append(_ more: [UInt8], durably: Bool) throws {
        try mayFail()
        bytes = (bytes ?? []) + more
        promise(more)
        guard durably else { return }
        synced = bytes?.count ?? 0
        unsynced = []
    }

    private func mayFail() throws {
        var fails = world.now < fullUntil
        if let left = failsAfter {
            failsAfter = left > 0 ? left - 1 : nil
            fails = fails || left == 0
        }
        guard fails else { return }
        isBehind = true
        world.trace.count("disk: a write failed")
        throw Failure()
    }

    /// Loses what was not synced, but for as much as chance left of it.
    func cutPower() {
        guard let all = bytes else { return }
        let left = world.between(Int64(synced), Int64(all.count))
        if left < Int64(all.count) { world.trace.count("power cut: unsynced bytes lost") }
        bytes = Array(all.prefix(Int(left)))
        synced = bytes?.count ?? 0
    }

    /// What a runner would find that starts now.
    var contents: JournalContents {
        var contents = JournalContents()
        for entry in JournalLines.read(bytes ?? []).batches.joined() {
            contents.apply(entry) { $0.change(bootID: $0.bootID, now: $0.observed, wall: $0.observedAt) }
        }
        return contents
    }

    private func promise(_ bytes: [UInt8]) {
        for entry in JournalLines.read(bytes).batches.joined() {
            switch entry {
            case .changed(let change):
                if let before = changes[change.eventID],
                    before.message != change.message || before.target != change.target
                {
                    world.trace.violated(.delivered, "two changes with the id \(change.eventID)")
                }
                if changes.updateValue(change, forKey: change.eventID) == nil { unsynced.insert(change.eventID) }
            case .record(let record, let target):
                onRecord(record, records.updateValue(record, forKey: target), target)
            case .command(.received(let key)): received.insert(key)
            case .command(.resolved(let key, let result)): onResolved(key, result, isBehind)
            case .forgotten(let target): records[target] = nil
            case .command(.reported), .counted, .delivered: break
            }
        }
    }
}

/// The disk as one life of a runner has it: a dead one writes nothing.
struct SimulatedStorage: JournalStorage {
    let life: RunnerLife

    private var disk: SimulatedDisk { life.host.disk }

    init(_ life: RunnerLife) { self.life = life }

    private func check() throws {
        guard life.isAlive else { throw SimulatedDisk.Failure() }
    }

    func read() throws -> [UInt8]? {
        try check()
        return disk.bytes
    }

    mutating func replace(with bytes: [UInt8]) throws {
        try check()
        try disk.replace(with: bytes)
    }

    mutating func append(_ bytes: [UInt8], durably: Bool) throws {
        try check()
        life.mayDieSoon(0.002)
        try disk.append(bytes, durably: durably)
    }

    func setAside() -> String? {
        life.host.world.trace.violated(.journal, "the journal of \(life) was set aside")
        return "elsewhere"
    }
}
