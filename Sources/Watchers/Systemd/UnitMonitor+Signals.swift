import SystemdSupport

// What systemd and the bus tell without being asked.
extension UnitMonitor {
    func took(_ signal: BusSignal) {
        if signal.sender == SystemdName.bus, signal.member == "NameOwnerChanged" { return ownerChanged(signal) }
        // Anybody on a bus can send to us: only the manager itself is believed. Without a bus nobody else is there.
        if let manager, signal.sender != manager { return }
        if manager == nil, isOnBus { return }
        switch (signal.interface, signal.member) {
        case (SystemdName.properties, "PropertiesChanged"): propertiesChanged(signal)
        case (SystemdName.managerInterface, "JobRemoved"): jobRemoved(signal)
        case (SystemdName.managerInterface, "Reloading"):
            // Names may mean something else when it is over.
            guard (try? signal.body.next()?.flag) == false else { return }
            for unit in needed {
                unit.path = nil
                read(unit)
            }
        default: break
        }
    }

    private func ownerChanged(_ signal: BusSignal) {
        guard let name = try? signal.body.text(), name == SystemdName.service, (try? signal.body.text()) != nil,
            let owner = try? signal.body.text(), owner != manager, manager != nil
        else { return }
        lose("can't be observed: systemd has left the bus, or starts itself anew")
    }

    /// What it tells is kept, since systemd may have forgotten the unit when it is asked; then the unit is read, unless
    /// it is on its way: systemd tells when it has arrived, and each question meanwhile would hold it up.
    private func propertiesChanged(_ signal: BusSignal) {
        let changed = needed.filter { $0.path == signal.path }
        guard !changed.isEmpty, (try? signal.body.text()) != nil,
            let properties = try? signal.body.properties(UnitFacts.unitNames.union(UnitFacts.serviceNames))
        else { return }
        for unit in changed {
            var facts = unit.facts
            facts.update(properties)
            // Of no interest here: a service says how it is doing (sd_notify(3)), a socket counts connections.
            guard facts != unit.facts else { continue }
            unit.history.take(facts)
            hint(unit)
        }
    }

    /// The number of the job, its object, the unit and how it ended.
    private func jobRemoved(_ signal: BusSignal) {
        guard let id = try? signal.body.next()?.number, id > 0, let path = try? signal.body.text(),
            let unit = try? signal.body.text(), let result = try? signal.body.text()
        else { return }
        let ours = jobs.removeValue(forKey: path)
        ours?.end(.ended(result))
        for watched in needed where watched.facts.id == unit {
            watched.history.jobEnded(id, result, isOurs: ours != nil)
            hint(watched)
        }
    }

    /// Something happened to a unit. What has come in beside it is taken first: one reading does for all.
    func hint(_ unit: WatchedUnit) {
        // What is being read may be older.
        if unit.isReading { unit.isStale = true } else { hinted[unit.id] = unit }
    }

    /// Goes after the hints that came in one turn.
    func followHints() {
        let hinted = self.hinted
        self.hinted = [:]
        for unit in hinted.values {
            if unit.facts.isOnItsWay, unit.problem == nil {
                unit.tell(unit.observation(isHostStopping: isHostStopping))
            } else {
                read(unit)
            }
        }
    }
}
