/// Compares what was done in a soak with what the server was told of it.
enum SoakVerdict {
    typealias Event = BuiltServer.Events.Event

    /// A line for each target whose deaths were not told as they were: each once, in order.
    static func deaths(_ killed: [String: [Int32]], told events: [Event]) -> [String] {
        let told = Dictionary(grouping: events.filter { $0.kind == "died" }, by: { $0.agent ?? "" })
        return Set(killed.keys).union(told.keys).sorted().compactMap { name in
            let (want, have) = (killed[name] ?? [], (told[name] ?? []).compactMap(\.pid))
            guard have != want else { return nil }
            let place = zip(want, have).enumerated().first { $1.0 != $1.1 }?.offset ?? min(want.count, have.count)
            let words = (told[name] ?? []).dropFirst(place).first?.message ?? "nothing"
            return "\(name): \(want.count) killed, \(have.count) told, different from number \(place + 1): \(words)"
        }
    }

    /// A line for each target whose commands did not all end well, or were not carried out once each.
    ///
    /// - Parameter lives: How often a target was started.
    static func commands(_ orders: [Soak.Order], told events: [Event], lives: (String) -> Int) -> [String] {
        Dictionary(grouping: orders, by: \.target).sorted { $0.key < $1.key }.flatMap { name, orders in
            var faults: [String] = []
            let completed = events.count { $0.agent == name && $0.kind == "command_completed" }
            if completed != orders.count { faults.append("\(name): \(orders.count) commands, \(completed) completed") }
            let starts = 1 + orders.count { $0.action == "restart" }
            if lives(name) != starts { faults.append("\(name): \(lives(name)) lives, \(starts) wanted") }
            return faults
        }
    }

    static func isCommandEnd(_ event: Event) -> Bool {
        event.kind == "command_completed" || event.kind == "command_failed"
    }
}
