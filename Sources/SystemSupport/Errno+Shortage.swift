package import SystemPackage

extension Errno {
    /// Whether the system, or this process, lacked something that it may have again soon: it says nothing of what was asked.
    package var isShortage: Bool {
        switch self {
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .resourceTemporarilyUnavailable: true
        default: false
        }
    }
}
