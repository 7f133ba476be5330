import FoundationEssentials
import ServerDomain

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension ConfigurationReader {
    /// Reads what this process was started with.
    static func ofThisProcess() -> ConfigurationReader {
        ConfigurationReader(environment: ProcessInfo.processInfo.environment, isRoot: geteuid() == 0)
    }
}
