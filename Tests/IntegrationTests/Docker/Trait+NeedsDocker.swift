import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

extension Trait where Self == ConditionTrait {
    /// Skipped where there is no Docker engine to start; in CI that is a failure.
    static var needsDocker: Self {
        .enabled(if: PrivateDocker.canStart || getenv("CI") != nil, "\(PrivateDocker.needs)")
    }
}
