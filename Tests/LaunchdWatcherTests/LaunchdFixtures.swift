import LaunchdWatcher
import Supervision
import SystemPackage
import SystemSupport

/// Answers that were written down (Fixtures/README.md).
enum LaunchdFixture {
    static func bytes(_ name: String) throws -> [UInt8] {
        let folder = FilePath(#filePath).removingLastComponent().appending("Fixtures")
        return try readWholeFile(folder.appending("\(name).txt"), limit: 1 << 20)
    }

    static func answer(_ name: String) throws -> LaunchctlAnswer {
        LaunchctlAnswer(ProgramResult(.exited(0), output: try bytes(name)))
    }

    static func facts(_ name: String) throws -> LaunchctlPrint? { LaunchctlPrint(parsing: try bytes(name)) }

    static var notLoaded: LaunchctlAnswer {
        get throws {
            LaunchctlAnswer(ProgramResult(.exited(113), errorOutput: try bytes("macos-13-15-not-loaded.stderr")))
        }
    }
}
