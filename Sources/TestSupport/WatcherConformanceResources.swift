import SystemPackage
import SystemSupport

/// What this program holds of the system.
package struct ResourceCount {
    private var descriptors: Int
    private var zombies: Int

    /// Counts them.
    package static func now() throws -> ResourceCount {
        let own = ProcessHandle.ownPID
        let zombies = try ProcFS().table().count { $0.parent == own && $0.isZombie }
        return ResourceCount(descriptors: try ProcFS().descriptorCount(of: own), zombies: zombies)
    }

    /// Throws if something was left behind.
    ///
    /// Other tests run beside this one: so a leak is what grows by one for each second round.
    package func requireNoGrowth(over rounds: Int) throws {
        let now = try ResourceCount.now()
        guard now.descriptors - descriptors < rounds / 2, now.zombies - zombies < rounds / 2 else {
            throw ConformanceFailure("after \(rounds) rounds: \(now), before: \(self)")
        }
    }
}
