import Supervision
import SystemdSupport

// What is true of a unit: read after each hint.
extension UnitMonitor {
    /// What was read of a unit, while the answers come.
    private final class Reading {
        var facts: UnitFacts
        var failure: BusError?

        init(of unit: WatchedUnit) {
            facts = UnitFacts()
            facts.id = unit.name
        }
    }

    /// Reads a unit; a hint that comes meanwhile has it read again.
    func read(_ unit: WatchedUnit) {
        guard case .up = link else { return unit.wakeWaiters() }
        guard !unit.isReading else {
            unit.isStale = true
            return
        }
        unit.isReading = true
        unit.isStale = false
        if let path = unit.path { readProperties(of: unit, path) } else { resolve(unit) }
    }

    /// Has systemd load it, and name the object that stands for it: another one for an alias.
    private func resolve(_ unit: WatchedUnit) {
        bus?.call(.manager("LoadUnit")) { message throws(BusError) in
            try message.append(unit.name)
        } then: { [self] reply in
            guard case .up = link else { return }
            do throws(BusError) {
                let path = try reply.get().text()
                unit.path = path
                noteTwins(of: unit, path)
                readProperties(of: unit, path)
            } catch {
                finish(unit, failure: error)
            }
        }
    }

    /// Two names may be of one unit, which only systemd knows.
    private func noteTwins(of unit: WatchedUnit, _ path: String) {
        unit.twin = nil
        for other in units.values where other !== unit && other.path == path {
            unit.twin = other.id
            other.twin = unit.id
            hint(other)
        }
    }

    private func readProperties(of unit: WatchedUnit, _ path: String) {
        let reading = Reading(of: unit)
        if unit.watchedPath != path {
            unit.watchedPath = path
            addMatches(of: unit, path: path)
        }
        get(SystemdName.unitInterface, path, UnitFacts.unitNames, reading)
        if unit.name.hasSuffix(".service") {
            get(SystemdName.serviceInterface, path, UnitFacts.serviceNames, reading)
        }
        // Answers come in the order of the questions: this is the last.
        bus?.call(.properties("Get", of: SystemdName.manager)) { message throws(BusError) in
            try message.append(SystemdName.managerInterface)
            try message.append("SystemState")
        } then: { [self] reply in
            guard case .up = link else { return }
            if case .success(let message) = reply, let state = try? message.next()?.text {
                isHostStopping = state == "stopping"
            }
            if let failure = reading.failure {
                finish(unit, failure: failure)
            } else {
                unit.problem = nil
                // A signal that came between the answers is newer than they are; it is read again at once.
                if !unit.isStale || unit.facts.activeState.isEmpty { unit.history.take(reading.facts, isReading: true) }
                // It was asked for by another of its names: its jobs go by this one.
                if unit.facts.id != unit.watchedID { addMatches(of: unit, path: path) }
                finish(unit)
            }
        }
    }

    private func get(_ interface: String, _ path: String, _ names: Set<String>, _ reading: Reading) {
        bus?.call(.properties("GetAll", of: path)) { message throws(BusError) in
            try message.append(interface)
        } then: { reply in
            do throws(BusError) {
                reading.facts.update(try reply.get().properties(names))
            } catch {
                reading.failure = error
            }
        }
    }

    private func finish(_ unit: WatchedUnit, failure: BusError) {
        // What systemd forgot between two questions has to be loaded again.
        unit.path = nil
        switch failure.name {
        case "org.freedesktop.DBus.Error.InvalidArgs", "org.freedesktop.systemd1.NoSuchUnit":
            unit.problem = .missing("is no unit that systemd can load: \(failure.message ?? "\(failure.errno)")")
        default: unit.problem = .undetermined("can't be judged: systemd did not tell (\(failure))")
        }
        finish(unit)
    }

    private func finish(_ unit: WatchedUnit) {
        unit.isReading = false
        if unit.isStale { return read(unit) }
        unit.tell(unit.observation(isHostStopping: isHostStopping))
        unit.wakeWaiters()
    }

    /// Returns when it has been read from now on.
    func freshlyRead(_ unit: WatchedUnit) async {
        await withCheckedContinuation { continuation in
            unit.waiters.append(continuation)
            read(unit)
        }
    }

    /// Which unit a target is, and its life that ended last, as systemd calls them.
    func lastEnd(of target: TargetID) -> (unit: String, invocation: String, writesToJournal: Bool)? {
        units[target].map { ($0.facts.id, $0.history.endedInvocation, $0.facts.writesToJournal) }
    }

    // MARK: Everything

    /// Compares the states of all units in one question, and reads those that are not as they are known.
    func rereadAll() {
        let known = needed.filter { $0.path != nil && $0.problem == nil }
        for unit in needed where unit.path == nil || unit.problem != nil { read(unit) }
        guard !known.isEmpty else { return }
        bus?.call(.manager("ListUnitsByNames")) { message throws(BusError) in
            try message.array(of: "s", known) { unit throws(BusError) in try message.append(unit.name) }
        } then: { [self] reply in
            guard case .up = link else { return }
            guard case .success(let message) = reply, let rows = try? message.next()?.list, rows.count == known.count
            else {
                for unit in known { read(unit) }
                return
            }
            for (unit, row) in zip(known, rows) {
                // A host that goes down may stay up after all.
                if unit.facts.isAs(listed: row.list ?? []), !isHostStopping {
                    // Of what is at rest only the memory changes.
                    unit.tell(unit.observation(isHostStopping: isHostStopping))
                } else {
                    read(unit)
                }
            }
        }
    }
}

extension UnitFacts {
    /// Whether a row of ListUnitsByNames tells the same: name, description, load, active and sub state.
    func isAs(listed row: [BusValue]) -> Bool {
        let texts = row.prefix(5).map(\.text)
        return texts.count == 5 && texts[0] == id && texts[2] == loadState && texts[3] == activeState
            && texts[4] == subState
    }
}
