package import SystemPackage

/// Tells when processes end that are not our children: all that a watcher of launchd needs of the kernel.
package protocol ProcessEnds: Sendable {
    /// Calls `handler` on the event loop's thread once the process that has this PID now has ended, unless what it
    /// returned was let go of before.
    ///
    /// - Returns: nil when there is no such process; `handler` is then not called.
    /// - Throws: when the system gives no place to wait.
    func watch(
        _ pid: Int32, _ handler: @escaping @Sendable () -> Void
    ) throws(Errno) -> (any AnyObject & Sendable)?
}
