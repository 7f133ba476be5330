/// A service that a manager makes for one process, and forgets with it (org.freedesktop.systemd1(5), StartTransientUnit).
///
/// Everybody on the host can read all of it: no secret goes in.
struct TransientUnit: Sendable, Hashable {
    var name: String
    var description: String
    /// Program first, by its absolute path.
    var command: [String]
    /// The name of its lines in the journal.
    var logName: String

    func write(to message: BusMessage) throws(BusError) {
        try message.append(name)
        // Never in the place of another.
        try message.append("fail")
        let texts = [
            ("Description", description), ("SyslogIdentifier", logName),
            // It may have made itself a daemon, and what of it is ended is not the manager's to decide.
            ("KillMode", "process"), ("OOMPolicy", "continue"),
            // Also when it failed: whoever watches it knows.
            ("CollectMode", "inactive-or-failed"),
        ]
        try message.array(of: "(sv)", texts + [("ExecStart", "")]) { property throws(BusError) in
            try message.structure("sv") { () throws(BusError) in
                try message.append(property.0)
                guard property.0 == "ExecStart" else {
                    return try message.variant("s") { () throws(BusError) in try message.append(property.1) }
                }
                try message.variant("a(sasb)") { () throws(BusError) in try writeCommand(to: message) }
            }
        }
        // No units beside it.
        try message.array(of: "(sa(sv))", [Never]()) { _ in }
    }

    private func writeCommand(to message: BusMessage) throws(BusError) {
        try message.array(of: "(sasb)", [command]) { command throws(BusError) in
            try message.structure("sasb") { () throws(BusError) in
                try message.append(command.first ?? "")
                try message.array(of: "s", command) { word throws(BusError) in try message.append(word) }
                // Its failure is one.
                try message.append(false)
            }
        }
    }
}
