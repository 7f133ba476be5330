import Glibc
import SystemPackage
import SystemSupport
import TestSupport
import Testing

/// The end of a file that may have become another one.
@Suite struct FileTailTests {
    /// A file with this content, in a directory of its own.
    private func withFile(_ text: String, _ body: (FilePath, FileID) throws -> Void) throws {
        let directory = try makeTemporaryDirectory("file-tail")
        let path = directory.appending("log")
        defer {
            for name in ["log", "other"] { unlink(directory.appending(name).string) }
            rmdir(directory.string)
        }
        try replaceFile(path, with: Array(text.utf8), permissions: 0o600)
        try body(path, try FileStatus.of(path).file)
    }

    private func tail(_ path: FilePath, _ file: FileID, _ limit: Int) throws -> String? {
        try readFileTail(path, expecting: file, limit: limit).map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test func wholeLinesAreRead() throws {
        try withFile("one\ntwo\nthree") { (path, file) throws in
            #expect(try tail(path, file, 100) == "one\ntwo\nthree")
            #expect(try tail(path, file, 13) == "one\ntwo\nthree")
            // Whether a line begins exactly there can't be told without the byte before.
            #expect(try tail(path, file, 9) == "three")
            #expect(try tail(path, file, 4) == "")
        }
    }

    @Test func anotherFileOfThatNameIsNotRead() throws {
        try withFile("secret\n") { (path, file) throws in
            let other = path.removingLastComponent().appending("other")
            #expect(rename(path.string, other.string) == 0)
            try replaceFile(path, with: [], permissions: 0o600)
            #expect(try tail(path, file, 100) == nil)
            unlink(path.string)
            #expect(throws: Errno.noSuchFileOrDirectory) { try tail(path, file, 100) }
            #expect(symlink(other.string, path.string) == 0)
            #expect(throws: Errno.tooManySymbolicLinkLevels, "even one to the right file") { try tail(path, file, 100) }
        }
    }

    @Test func whatIsNoRegularFileIsNotRead() throws {
        try withFile("") { (path, _) throws in
            unlink(path.string)
            #expect(mkfifo(path.string, 0o600) == 0)
            let file = try FileStatus.of(path).file
            #expect(try tail(path, file, 100) == nil)
        }
    }

    @Test(.needsRoot) func whatItsUserMayNotReadIsNotRead() throws {
        try withFile("secret\n") { (path, file) throws in
            let ids = LaunchIDs(user: 12345, group: 12345, groups: [])
            let read = { () throws(Errno) in try readFileTail(path, expecting: file, limit: 100) != nil }
            #expect(throws: Errno.permissionDenied) { try withFileIDs(ids, read) }
        }
    }
}
