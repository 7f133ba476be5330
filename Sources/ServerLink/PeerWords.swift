/// What a peer said, as a person may see it: one line that moves no cursor, and not long.
enum PeerWords {
    static func line(_ text: String, limit: Int = 200) -> String {
        // By scalars: one character may be made of a million of them.
        let scalars = text.unicodeScalars.prefix(limit).map { scalar -> UnicodeScalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: " "
            default: scalar
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
