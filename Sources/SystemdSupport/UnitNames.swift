import Glibc

/// What the system's manager calls its units, for a thread that may wait.
package struct UnitNames {
    private let connection: BusConnection

    /// - Returns: nil where there is no manager to be asked.
    package init?() {
        for route in ManagerRoute.all(to: .system, user: geteuid(), runtimeDirectory: nil) {
            guard let connection = try? BusConnection(route) else { continue }
            self.connection = connection
            return
        }
        return nil
    }

    /// The name by which polkit is asked about a unit: another one for an alias.
    package func id(of unit: String) throws(BusError) -> String {
        let path = try connection.call(.manager("LoadUnit")) { message throws(BusError) in
            try message.append(unit)
        }.text()
        return try connection.call(.properties("Get", of: path)) { message throws(BusError) in
            try message.append(SystemdName.unitInterface)
            try message.append("Id")
        }.text()
    }
}
