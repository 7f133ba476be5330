import CPlatformShims

/// What the C library keeps of memory that was given back to it. Starting up takes more than what is needed later.
/// All threads use one heap (CPlatformShims).
package enum Heap {
    /// Gives all free pages back to the system.
    package static func trim() {
        clevagent_trim_heap()
    }
}
