import SystemdSupport

/// What a bus is asked to pass on (dbus-daemon(1)). A hint each: what is then read is the truth.
///
/// Not UnitNew and UnitRemoved: systemd loads a forgotten unit when it is asked about it and forgets it again at once, so
/// that a question after each of these would be a loop. What is started anew has a job, which is told.
package enum MatchRules {
    /// A bus takes 512 rules from one connection: beyond this many units, the rules are for all units of the host.
    package static let limit = 200

    private static let service = "type='signal',sender='\(SystemdName.service)'"
    private static let manager = "\(service),path='\(SystemdName.manager)',interface='\(SystemdName.managerInterface)'"
    private static let properties = "\(service),interface='\(SystemdName.properties)',member='PropertiesChanged'"

    /// Once for a connection.
    package static let common = [
        "type='signal',sender='\(SystemdName.bus)',interface='\(SystemdName.bus)',member='NameOwnerChanged',"
            + "arg0='\(SystemdName.service)'",
        "\(manager),member='Reloading'",
    ]

    /// For all units of the host.
    package static let all = [
        "\(properties),path_namespace='\(SystemdName.units)'", "\(manager),member='JobRemoved'",
    ]

    /// For one unit.
    package static func unit(_ id: String, path: String) -> [String] {
        // A name can't end a rule's text; should it ever, the slow re-read has to do.
        guard !id.contains("'"), !path.contains("'") else { return [] }
        return [
            "\(properties),path='\(path)'", "\(manager),member='JobRemoved',arg2='\(id)'",
        ]
    }
}
