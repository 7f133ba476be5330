import FoundationEssentials
package import Supervision
import SystemSupport

/// What is written down of a process target, so that it survives the runner.
package struct ProcessNote: Sendable, Hashable, Codable {
    package static let currentVersion = 1

    package var version = ProcessNote.currentVersion
    /// The life that was the target when last seen.
    package var life: ProcessIdentity?
    /// The PID file as it was when that life became the target.
    package var stamp: FileStamp?
    /// The file does not name that life: it was started again, or took the place of the old one.
    package var isStandIn = false
    /// What the process of a target without a PID file was: only its like is the target later.
    package var pin: ProgramPin?
    package var recipe: LaunchRecipe?
    /// Why it can't be started again, as it was when last seen.
    package var obstacle: String?
    /// Its children that were there at two looks in a row.
    package var children: [ProcessIdentity] = []
    /// When this was written; nil in no note on a disk.
    package var seen: BootInstant?

    package init() {}

    package func isSameBesidesTime(as other: ProcessNote) -> Bool {
        var copy = self
        copy.seen = other.seen
        return copy == other
    }

    package init(decoding bytes: [UInt8]) throws {
        self = try JSONDecoder().decode(ProcessNote.self, from: Data(bytes))
        guard version == Self.currentVersion else { throw ProcessNoteError(version: version) }
    }

    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return try Array(encoder.encode(self))
    }
}

/// A note in a form that this program does not know.
package struct ProcessNoteError: Error, Sendable, Hashable {
    package var version: Int

    package init(version: Int) {
        self.version = version
    }
}
