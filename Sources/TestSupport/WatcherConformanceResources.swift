import SystemPackage
import SystemSupport

/// What this program holds of the system.
package struct ResourceCount {
    private var descriptors: Int
    private var zombies: Int
    private var residentMB: Double

    /// Counts them.
    package static func now() throws -> ResourceCount {
        let own = ProcessHandle.ownPID
        let table = try ProcFS().table()
        return ResourceCount(
            descriptors: try ProcFS().descriptorCount(of: own),
            zombies: table.count { $0.parent == own && $0.isZombie },
            residentMB: table.first { $0.pid == own }?.residentMB ?? 0)
    }

    /// Throws if something was left behind.
    ///
    /// Allocators keep what they once took: so a leak is what grows by one, or by 32 KiB, for each second round.
    package func requireNoGrowth(over rounds: Int) throws {
        let now = try ResourceCount.now()
        guard now.descriptors - descriptors < rounds / 2, now.zombies - zombies < rounds / 2,
            now.residentMB - residentMB < 4 + Double(rounds) / 64
        else {
            throw ConformanceFailure("after \(rounds) rounds: \(now), before: \(self)")
        }
    }
}
