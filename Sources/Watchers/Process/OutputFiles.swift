import Glibc
import SystemPackage
import SystemSupport

/// Where a relaunched process writes: the same files as before, if they are still that, else /dev/null.
struct OutputFiles: Sendable {
    let output: OwnedDescriptor?
    let errorOutput: OwnedDescriptor?
    /// What a person should know of it.
    let note: String?

    init(_ recipe: LaunchRecipe?) {
        var lost: [String] = []
        func open(_ file: OpenFile?) -> OwnedDescriptor? {
            guard let file, file.path != "/dev/null" else { return nil }
            do {
                return try Self.reopen(file)
            } catch {
                if !lost.contains(file.path.description) { lost.append(file.path.description) }
                return nil
            }
        }
        output = open(recipe?.output)
        errorOutput = open(recipe?.errorOutput)
        note = lost.isEmpty ? nil : "its output went to \(lost.joined(separator: " and ")), now to /dev/null"
    }

    /// Opens the file of that path for appending, only if it is still the same regular file and no link.
    private static func reopen(_ file: OpenFile) throws(Errno) -> OwnedDescriptor {
        guard file.isRegular else { throw .invalidArgument }
        // O_NONBLOCK: should it be a pipe by now, nobody waits; for the regular file that it must be it means nothing.
        let descriptor = try OwnedDescriptor.open(
            FilePath(bytes: file.path.bytes), O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        let status = try descriptor.status()
        guard status.kind == .regular, status.file == file.file else { throw .staleNFSFileHandle }
        guard fcntl(descriptor.rawValue, F_SETFL, O_APPEND) == 0 else { throw Errno(rawValue: errno) }
        return descriptor
    }
}
