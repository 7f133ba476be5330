package import SystemSupport

/// What a program is, as far as another user can't pretend it: the first match pins it, later only its like is the target.
package struct ProgramPin: Sendable, Hashable, Codable {
    /// Real, effective, saved and file system ids.
    package var users: [UInt32]
    /// Nil where it may not be read: of another user's process.
    package var executable: ByteText?
    /// argv[0]; it tells apart the scripts' interpreters and what one executable is by different names.
    package var title: ByteText
    /// What an interpreter runs, by its first argument that is no option: by the other features all programs of one user
    /// in one language are alike. Nil of other programs.
    package var script: ByteText?

    package init(users: [UInt32], executable: ByteText?, title: ByteText) {
        self.users = users
        self.executable = executable?.withoutDeletedMark
        self.title = title
    }

    package init(users: [UInt32], executable: ByteText?, arguments: [ByteText]) {
        self.init(users: users, executable: executable, title: arguments.first ?? "")
        guard let name = self.executable?.description.split(separator: "/").last else { return }
        // python3.11, perl5.36
        let language = String(name.prefix { $0.isLetter })
        guard Self.interpreters.contains(language) else { return }
        script = arguments.dropFirst().first { $0.bytes.first != UInt8(ascii: "-") }
    }

    private static let interpreters: Set<String> = [
        "bash", "bun", "dash", "deno", "java", "lua", "luajit", "node", "nodejs", "perl", "php", "pypy", "python",
        "ruby",
        "sh", "zsh",
    ]

    package func isOf(user: UInt32) -> Bool { users.allSatisfy { $0 == user } }
}

extension ProgramPin: CustomStringConvertible {
    /// For people: the executable and its user, without what could drive a terminal.
    package var description: String {
        let path = (executable?.description ?? "executable unknown").unicodeScalars.prefix(200)
            .map { $0.properties.generalCategory == .control ? "?" : String($0) }.joined()
        return "\(path), user \(users.first.map(String.init) ?? "unknown")"
    }
}
