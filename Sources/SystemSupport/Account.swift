import Glibc

/// `struct group`: the name alone is a property here.
private typealias GroupEntry = Glibc.group

/// A line of the user database (getpwnam(3)).
package struct Account: Sendable, Hashable {
    package var name: String
    package var home: String
    package var user: UInt32
    /// The first group.
    package var group: UInt32

    package init(name: String, home: String, user: UInt32, group: UInt32) {
        self.name = name
        self.home = home
        self.user = user
        self.group = group
    }

    /// Looks a user up; nil when the database does not know the id.
    package static func of(user: UInt32) -> Account? {
        find { getpwuid_r(user, $0, $1, $2, $3) }
    }

    /// Looks a user up; nil when the database does not know the name.
    package static func named(_ name: String) -> Account? {
        find { getpwnam_r(name, $0, $1, $2, $3) }
    }

    /// Looks a group up (getgrnam(3)); nil when the database does not know the name.
    package static func group(named name: String) -> UInt32? {
        var entry = GroupEntry()
        var found: UnsafeMutablePointer<GroupEntry>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 65536) { buffer in
            guard let place = buffer.baseAddress, getgrnam_r(name, &entry, place, buffer.count, &found) == 0,
                found != nil
            else { return nil }
            return entry.gr_gid
        }
    }

    /// All ids of a new process of this user, as initgroups(3) would give them.
    package var ids: LaunchIDs {
        var count: Int32 = 64
        var groups = [gid_t](repeating: 0, count: Int(count))
        if getgrouplist(name, group, &groups, &count) < 0 {
            // It has told how many there are.
            groups = [gid_t](repeating: 0, count: Int(max(0, count)))
            if getgrouplist(name, group, &groups, &count) < 0 { count = 0 }
        }
        return LaunchIDs(user: user, group: group, groups: Array(groups.prefix(Int(max(0, count)))))
    }

    private static func find(
        _ ask: (
            UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
        ) -> Int32
    ) -> Account? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16384) { buffer in
            guard let place = buffer.baseAddress, ask(&entry, place, buffer.count, &found) == 0, found != nil,
                let name = entry.pw_name, let home = entry.pw_dir
            else { return nil }
            return Account(
                name: String(cString: name), home: String(cString: home), user: entry.pw_uid, group: entry.pw_gid)
        }
    }
}
