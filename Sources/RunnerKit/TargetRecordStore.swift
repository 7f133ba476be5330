package import Supervision

/// Keeps what the core wants to find again after the runner's end.
package protocol TargetRecordStore: Sendable {
    /// The record as it was last saved; nil when there is none or it can't be read.
    func record(of target: TargetID) async -> TargetRecord?

    /// Replaces the record. Returns after it is on the disk, or after it was told that it can't be: supervision goes on
    /// from memory then.
    func save(_ record: TargetRecord, of target: TargetID) async
}
