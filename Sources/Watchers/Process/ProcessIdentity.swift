package import Supervision
package import SystemSupport

/// One life of one process on this machine: a PID is used again, with another start time or in another boot.
package struct ProcessIdentity: Sendable, Hashable, Codable {
    package var bootID: BootID
    package var pid: Int32
    package var startTicks: UInt64

    package init(bootID: BootID, pid: Int32, startTicks: UInt64) {
        self.bootID = bootID
        self.pid = pid
        self.startTicks = startTicks
    }

    package init(_ stat: ProcessStat, bootID: BootID) {
        self.init(bootID: bootID, pid: stat.pid, startTicks: stat.startTicks)
    }

    package var began: BootInstant { BootInstant(ticks: startTicks) }

    /// The form in which others see it.
    package var identity: Identity { Identity(token: "\(bootID)/\(pid)/\(startTicks)", pid: pid, began: began) }
}
