import CPlatformShims

/// What the C library keeps of memory that was given back to it. Starting up takes three times what is needed later.
package enum Heap {
    /// Has all threads use one heap. Each would else get one of its own, with free memory of its own. Before the first
    /// other thread.
    package static func useOne() {
        clevagent_use_one_heap()
    }

    /// Gives all free pages back to the system.
    package static func trim() {
        clevagent_trim_heap()
    }
}
