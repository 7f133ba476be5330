import CPlatformShims
import Glibc
package import SystemPackage

/// Does something with files as another user would: with that user's rights, and none of ours. For root only.
///
/// - Parameter body: must not wait or change threads, which a synchronous closure can't; the ids are this thread's alone.
package func withFileIDs<Result>(_ ids: LaunchIDs, _ body: () throws(Errno) -> Result) throws(Errno) -> Result {
    let count = getgroups(0, nil)
    var groups = [gid_t](repeating: 0, count: Int(max(0, count)))
    guard count >= 0, getgroups(count, &groups) == count else { throw Errno(rawValue: errno) }
    defer {
        // It succeeds: the capability for it does not depend on the ids for files (capabilities(7)).
        let result = clevagent_set_file_ids(geteuid(), getegid(), groups, groups.count)
        precondition(result == 0, "a thread could not take back its own ids: \(result)")
    }
    let result = clevagent_set_file_ids(ids.user, ids.group, ids.groups, ids.groups.count)
    guard result == 0 else { throw Errno(rawValue: -result) }
    return try body()
}
