import SystemPackage
import SystemSupport

/// This machine's processes, but for what a test tells differently.
protocol ForwardingProcesses: ProcessReading {}

extension ForwardingProcesses {
    func processIDs() throws(Errno) -> [Int32] { try ProcFS().processIDs() }
    func stat(of pid: Int32) throws(Errno) -> ProcessStat { try ProcFS().stat(of: pid) }
    func commandLine(of pid: Int32) throws(Errno) -> [UInt8] { try ProcFS().commandLine(of: pid) }
    func status(of pid: Int32) throws(Errno) -> ProcessStatus { try ProcFS().status(of: pid) }
    func facts(of pid: Int32) throws(Errno) -> ProcessFacts { try ProcFS().facts(of: pid) }
    func executable(of pid: Int32) throws(Errno) -> ByteText { try ProcFS().executable(of: pid) }
    func table() throws(Errno) -> [ProcessStat] { try ProcFS().table() }
    func exitStatus(of process: ProcessHandle) -> ExitStatus { ProcFS().exitStatus(of: process) }
}
