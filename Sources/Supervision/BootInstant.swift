/// A moment on the clock that starts with the machine and runs on while it sleeps (CLOCK_BOOTTIME, clock_gettime(2)).
///
/// It means the same in every process of one boot, so it can be kept on disk beside the boot's id. It is the only time
/// that decisions know.
package struct BootInstant: InstantProtocol, Hashable, Codable, Sendable {
    package var sinceBoot: Duration

    package init(sinceBoot: Duration) {
        self.sinceBoot = sinceBoot
    }

    package func advanced(by duration: Duration) -> BootInstant {
        BootInstant(sinceBoot: sinceBoot + duration)
    }

    package func duration(to other: BootInstant) -> Duration {
        other.sinceBoot - sinceBoot
    }

    package static func < (lhs: BootInstant, rhs: BootInstant) -> Bool {
        lhs.sinceBoot < rhs.sinceBoot
    }
}
