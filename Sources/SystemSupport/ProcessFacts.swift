/// All that can be read of a process's program and of what it was given. What may not be read is nil.
package struct ProcessFacts: Sendable, Hashable {
    package var stat: ProcessStat
    package var status: ProcessStatus
    /// Where the executable is or was; the kernel adds " (deleted)" when it is gone.
    package var executable: ByteText?
    /// What the file is that it runs, also when that is gone from its place.
    package var executableFile: ExecutableFile?
    package var arguments: [ByteText]?
    /// The environment it was started with; it may have changed its own since.
    package var environment: [ByteText]?
    package var directory: ByteText?
    package var root: ByteText?
    package var limits: [ResourceLimit]?
    package var output: OpenFile?
    package var errorOutput: OpenFile?
    package var niceness: Int32?
    package var oomScoreAdjustment: Int32?
    package var surroundings: ProcessSurroundings

    package init(
        stat: ProcessStat, status: ProcessStatus, executable: ByteText? = nil, executableFile: ExecutableFile? = nil,
        arguments: [ByteText]? = nil, environment: [ByteText]? = nil, directory: ByteText? = nil, root: ByteText? = nil,
        limits: [ResourceLimit]? = nil, output: OpenFile? = nil, errorOutput: OpenFile? = nil,
        niceness: Int32? = nil, oomScoreAdjustment: Int32? = nil,
        surroundings: ProcessSurroundings = ProcessSurroundings()
    ) {
        self.stat = stat
        self.status = status
        self.executable = executable
        self.executableFile = executableFile
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.root = root
        self.limits = limits
        self.output = output
        self.errorOutput = errorOutput
        self.niceness = niceness
        self.oomScoreAdjustment = oomScoreAdjustment
        self.surroundings = surroundings
    }
}

/// What a process has open as one of its descriptors.
package struct OpenFile: Sendable, Hashable, Codable {
    package var path: ByteText
    package var file: FileID
    package var isRegular: Bool

    package init(path: ByteText, file: FileID, isRegular: Bool) {
        self.path = path
        self.file = file
        self.isRegular = isRegular
    }
}

/// The cgroups and namespaces a process lives in.
package struct ProcessSurroundings: Sendable, Hashable {
    package var cgroups: CgroupMembership
    /// The namespaces' kinds and what their links in /proc/PID/ns say (namespaces(7)).
    package var namespaces: [String: ByteText]

    package init(cgroups: CgroupMembership = CgroupMembership(), namespaces: [String: ByteText] = [:]) {
        self.cgroups = cgroups
        self.namespaces = namespaces
    }
}
