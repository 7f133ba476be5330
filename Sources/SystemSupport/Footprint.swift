import CPlatformShims

/// What the program keeps of memory that it does not need any more. Starting up takes more than what is needed later.
package enum Footprint {
    /// Gives free heap back to the system, and lets go of pages of program files: the few that are still needed come back
    /// from the page cache. All threads use one heap (CPlatformShims).
    package static func trim() {
        clevagent_trim_heap()
        clevagent_let_go_of_program_pages()
    }
}
