import Glibc
package import SystemPackage

/// Makes a directory of mode 0700 if there is none; one that is there must be this user's, and nobody else's to write.
package func makePrivateDirectory(_ path: FilePath) throws(Errno) {
    if mkdir(path.string, 0o700) == 0 { return }
    guard errno == EEXIST else { throw Errno(rawValue: errno) }
    let status = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC).status()
    guard status.owner == geteuid(), status.permissions & 0o022 == 0 else { throw .notPermitted }
}
