/// One wrong setting: where it stands, what it says, what would be right.
package struct ConfigurationProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where a wrong value stands decides the exit status (sysexits.h).
    package enum Place: Sendable, Hashable {
        /// A flag or an environment variable: 64, EX_USAGE.
        case invocation
        /// A file or the host: 78, EX_CONFIG.
        case file
    }

    package var place: Place
    /// One line.
    package var description: String

    package init(_ place: Place, _ description: String) {
        self.place = place
        self.description = Self.masked(Self.oneLine(description))
    }

    /// A command line that can't be read.
    ///
    /// - Parameter message: what the parser says of it, a sentence in its first line.
    package init(misread message: String) {
        let line = message.prefix { !$0.isNewline }
        let words = line.count > Self.longestEcho ? line.prefix(Self.longestEcho) + "…" : line
        self.init(.invocation, words.prefix(1).lowercased() + words.dropFirst())
    }

    /// How much of what was typed is shown, and its message with it.
    private static let longestEcho = 200

    /// What was typed may hold anything; a message is one line, moves no cursor and turns no text.
    static func oneLine(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: "?"
            default: scalar
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }

    /// The text without what looks like an API key: one that was typed in the wrong place is not shown either.
    static func masked(_ text: String) -> String {
        // No \b: between letters, a colon is no boundary of words (UAX 29).
        text.replacing(/(^|[^A-Za-z0-9])cv_[A-Za-z0-9_\-]+/) { "\($0.1)cv_…" }
    }

    package static func exitStatus(for problems: [ConfigurationProblem]) -> Int32 {
        problems.contains { $0.place == .invocation } ? 64 : 78
    }
}
