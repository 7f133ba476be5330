import FoundationEssentials
package import Supervision
package import SystemSupport

/// What is written down of a process target, so that it survives the runner.
package struct ProcessNote: Sendable, Hashable, Codable {
    package static let currentVersion = 2

    package var version = ProcessNote.currentVersion
    /// The life that was the target when last seen.
    package var life: ProcessIdentity?
    /// The PID file as it was when that life became the target.
    package var stamp: FileStamp?
    /// The file does not name that life: it was started again, or took the place of the old one.
    package var isStandIn = false
    /// What the process of a target without a PID file was: only its like is the target later.
    package var pin: ProgramPin?
    /// The ids of the recipe, which is the note's attachment: an environment is thousands of bytes, and is only needed
    /// where something is started. Nil when there is no recipe.
    package var recipe: RecipeMark?
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
        // What another version wrote need not have the same members.
        let version = try JSONDecoder().decode(Version.self, from: Data(bytes)).version
        guard version == Self.currentVersion else { throw ProcessNoteError(version: version) }
        self = try JSONDecoder().decode(ProcessNote.self, from: Data(bytes))
    }

    package func encoded() throws -> [UInt8] { try JSONEncoder().encoded(self) }

    private struct Version: Decodable {
        var version: Int
    }
}

extension LaunchRecipe {
    package init(decoding bytes: [UInt8]) throws {
        self = try JSONDecoder().decode(LaunchRecipe.self, from: Data(bytes))
    }

    package func encoded() throws -> [UInt8] { try JSONEncoder().encoded(self) }
}

extension JSONEncoder {
    fileprivate func encoded(_ value: some Encodable) throws -> [UInt8] {
        outputFormatting = [.sortedKeys]
        return try Array(encode(value))
    }
}

/// What is kept in memory of a recipe.
package struct RecipeMark: Sendable, Hashable, Codable {
    /// Nil when they differ among themselves.
    package var ids: LaunchIDs?

    package init(_ recipe: LaunchRecipe) {
        ids = recipe.ids
    }
}

/// A note in a form that this program does not know.
package struct ProcessNoteError: Error, Sendable, Hashable {
    package var version: Int

    package init(version: Int) {
        self.version = version
    }
}
