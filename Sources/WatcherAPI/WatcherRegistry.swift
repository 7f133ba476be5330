package import Supervision

/// The kinds of watcher this program was built with. A value: made in `main` and passed down.
package struct WatcherRegistry: Sendable {
    package typealias Factory = @Sendable (WatcherContext) async throws -> any Watcher & TargetController

    private var factories: [WatcherKind: Factory] = [:]

    package init() {}

    /// Adds a kind. Registering one twice is a programmer's error.
    package mutating func register(_ kind: WatcherKind, _ factory: @escaping Factory) {
        precondition(factories[kind] == nil, "watcher kind \(kind) registered twice")
        factories[kind] = factory
    }

    /// The kinds that can be made, in a fixed order.
    package var kinds: [WatcherKind] {
        WatcherKind.allCases.filter { factories[$0] != nil }
    }

    /// Makes the watcher of a kind.
    ///
    /// - Returns: nil when this program has no such watcher.
    /// - Throws: what the watcher found missing on this host.
    package func make(
        _ kind: WatcherKind, _ context: WatcherContext
    ) async throws -> (any Watcher & TargetController)? {
        try await factories[kind]?(context)
    }
}
