/// The kinds of target there are; each has one watcher.
package enum WatcherKind: String, Sendable, Hashable, Codable, CaseIterable {
    case docker, systemd, launchd, process
}

/// What is watched, as the command line names it: a kind and the text after `TYPE:` exactly as typed.
package struct TargetID: Sendable, Hashable, Codable, CustomStringConvertible {
    package var kind: WatcherKind
    package var name: String

    package init(kind: WatcherKind, name: String) {
        self.kind = kind
        self.name = name
    }

    package var description: String { "\(kind.rawValue):\(name)" }
}
