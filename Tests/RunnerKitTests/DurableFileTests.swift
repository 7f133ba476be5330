import Glibc
import RunnerKit
import SystemPackage
import SystemSupport
import TestSupport
import Testing

@Suite struct DurableFileTests {
    private let directory: TestProcessDirectory
    private var file: FilePath { directory.file("file") }

    init() throws {
        directory = try TestProcessDirectory()
    }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    // MARK: - Files that are replaced

    @Test func itHoldsWhatWasWrittenLastAndIsForThisUserAlone() throws {
        #expect(try DurableFile.read(file) == nil)
        for content in ["one", "", String(repeating: "x", count: 100_000), "two"] {
            try DurableFile.replace(file, with: bytes(content))
            #expect(try DurableFile.read(file) == bytes(content))
        }
        #expect(try FileStatus.of(file).permissions == 0o600)
    }

    @Test func aPipeIsNoFile() throws {
        #expect(mkfifo(file.string, 0o600) == 0)
        #expect(throws: Errno.invalidArgument) { try DurableFile.read(file) }
    }

    @Test func theOldContentStandsWhenTheNewOneCannotBeWritten() throws {
        try DurableFile.replace(file, with: bytes("old"))
        #expect(mkdir(directory.file("file.new").string, 0o700) == 0)
        #expect(throws: Errno.isDirectory) { try DurableFile.replace(file, with: bytes("new")) }
        #expect(try DurableFile.read(file) == bytes("old"))
    }

    @Test func aDraftThatACrashLeftIsWrittenOver() throws {
        try directory.write(String(repeating: "y", count: 1000), to: directory.file("file.new"), permissions: 0o600)
        try DurableFile.replace(file, with: bytes("new"))
        #expect(try DurableFile.read(file) == bytes("new"))
    }

    @Test func linksAreNotFollowed() throws {
        try directory.write("theirs", to: directory.file("theirs"))
        #expect(symlink(directory.file("theirs").string, file.string) == 0)
        #expect(throws: Errno.tooManySymbolicLinkLevels) { try DurableFile.read(file) }
        #expect(symlink(directory.file("theirs").string, directory.file("file.new").string) == 0)
        #expect(throws: Errno.tooManySymbolicLinkLevels) { try DurableFile.replace(file, with: bytes("mine")) }
        #expect(try DurableFile.read(directory.file("theirs")) == bytes("theirs"))
    }

    @Test func whatIsTooLargeIsNotRead() throws {
        try DurableFile.replace(file, with: [UInt8](repeating: 0, count: 100))
        #expect(try DurableFile.read(file, limit: 100)?.count == 100)
        #expect(throws: Errno.fileTooLarge) { try DurableFile.read(file, limit: 99) }
    }

    @Test func whereThereIsNoDirectoryThereIsNoFile() throws {
        let file = directory.file("missing").appending("file")
        #expect(try DurableFile.read(file) == nil)
        #expect(throws: Errno.noSuchFileOrDirectory) { try DurableFile.replace(file, with: []) }
    }

    @Test func afterAFailureThereIsNoDraftThatTakesRoom() throws {
        #expect(mkdir(file.string, 0o700) == 0)
        #expect(throws: Errno.self) { try DurableFile.replace(file, with: bytes("new")) }
        // The directory in its place makes the renaming fail, not the writing; a draft without a place is none.
        #expect(try DurableFile.read(directory.file("file.new")) == nil)
    }

    // MARK: - Files that grow

    @Test func theFileOfAJournalGrows() throws {
        var journal = JournalFile(file)
        #expect(try journal.read() == nil)
        #expect(throws: Errno.badFileDescriptor) { try journal.append(bytes("early"), durably: true) }
        try journal.replace(with: bytes("kept"))
        for (index, text) in ["one", "", "two"].enumerated() {
            try journal.append(bytes(text), durably: index % 2 == 0)
        }
        #expect(try journal.read() == bytes("keptonetwo"))
        #expect(try FileStatus.of(file).permissions == 0o600)
        try journal.replace(with: bytes("new"))
        try journal.append(bytes("er"), durably: true)
        #expect(try DurableFile.read(file) == bytes("newer"))
        let kept = try #require(journal.setAside())
        #expect(try DurableFile.read(FilePath(kept)) == bytes("newer"))
        #expect(try journal.read() == nil)
    }
}
