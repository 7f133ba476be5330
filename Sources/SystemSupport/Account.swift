import Glibc

/// A line of the user database (getpwuid_r(3)).
package struct Account: Sendable, Hashable {
    package var name: String
    package var home: String

    package init(name: String, home: String) {
        self.name = name
        self.home = home
    }

    /// Looks a user up; nil when the database does not know the id.
    package static func of(user: UInt32) -> Account? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16384)
        guard getpwuid_r(user, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name,
            let home = entry.pw_dir
        else { return nil }
        return Account(name: String(cString: name), home: String(cString: home))
    }

    /// The id of a user by name (getpwnam_r(3)); nil when the database does not know the name.
    package static func user(named name: String) -> UInt32? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16384)
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return entry.pw_uid
    }
}
