/// What was found of a target and what is remembered of it mean together.
package enum ProcessJudgement: Sendable, Hashable {
    /// This life is the target.
    case alive(ProcessIdentity, concern: String?)
    /// What was remembered has ended, or nobody is named. `hindrance`: why it may not be started just now.
    case dead(hindrance: String?)
    case missing(String)
    case undetermined(String)
}

/// The life that was the target when last seen.
package struct RememberedLife: Sendable, Hashable {
    package var identity: ProcessIdentity
    package var isAlive: Bool
    /// The file as it was when this life became the target; nil when there was none.
    package var stamp: FileStamp?
    /// It became the target although the file did not name it: it was started again, or took the place of the old one.
    package var isStandIn: Bool

    package init(identity: ProcessIdentity, isAlive: Bool, stamp: FileStamp?, isStandIn: Bool = false) {
        self.identity = identity
        self.isAlive = isAlive
        self.stamp = stamp
        self.isStandIn = isStandIn
    }
}
