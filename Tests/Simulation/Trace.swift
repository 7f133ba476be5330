import Supervision

/// A promise that was broken.
struct Violation: Error, CustomStringConvertible {
    var invariant: Invariant
    var details: String
    var description: String { "\(invariant.rawValue): \(details)" }
}

/// What must hold in every world.
enum Invariant: String, CaseIterable {
    case busy = "time goes on"
    case onlyListed = "nothing is done to what is not on the list"
    case notWhenUnknown = "nothing is started or stopped by policy while it can't be judged"
    case notStopped = "what was stopped deliberately stays down"
    case notHeld = "what a stop command holds stays down"
    case notPaused = "nothing is restarted by policy in a pause"
    case byPolicy = "nothing is started that its policy leaves down"
    case oneAction = "never two actions on one target at once"
    case oneCopy = "never two live copies"
    case pace = "back-off and crash-loop limits are kept"
    case once = "a command is carried out at most once"
    case writtenFirst = "an action is on the disk before it begins"
    case toldAfterDisk = "nothing is told before it is on the disk"
    case trueResult = "a result is true or says that it does not know"
    case oneResult = "every command ends in exactly one result"
    case deathOnce = "an observed death is in the history exactly once"
    case delivered = "what was written down reaches the history exactly once"
    case inOrder = "changes arrive in the order of their numbers"
    case acknowledged = "what the server acknowledged is there after its restart"
    case notFalselyDown = "nobody is reported down who was heard in time"
    case patience = "nothing is sent before Retry-After"
    case expired = "an expired command is not carried out"
    case dated = "events are dated by their own time"
    case atRest = "once faults stop, all comes to rest in the right state"
    case journal = "a journal is read whole after every end"
}

/// What happened, as a hash of all and the last lines.
final class Trace: @unchecked Sendable {
    private static let kept = 400

    private var sum = StableHash()
    var hash: UInt64 { sum.value }
    private(set) var violation: Violation?
    private(set) var counts: [String: Int] = [:]
    private var lines: [String] = []
    private var next = 0
    private let isPrinting: Bool
    /// Only this promise is watched; nil for all.
    private let only: Invariant?
    weak var world: World?

    init(isPrinting: Bool, only: Invariant? = nil) {
        self.isPrinting = isPrinting
        self.only = only
    }

    /// Notes something. Same seed, same lines.
    func note(_ line: String) {
        let line = "\((world?.now ?? 0).text) \(line)"
        sum.add(line.utf8)
        if isPrinting { print(line) }
        if lines.count < Self.kept { lines.append(line) } else { lines[next % Self.kept] = line }
        next += 1
    }

    /// Counts an occurrence, for the table at the end.
    func count(_ what: String) { counts[what, default: 0] += 1 }

    /// The first one counts.
    func violated(_ invariant: Invariant, _ details: String) {
        guard violation == nil, only == nil || only == invariant else { return }
        note("VIOLATION \(invariant.rawValue): \(details)")
        violation = Violation(invariant: invariant, details: details)
    }

    var lastLines: [String] {
        guard lines.count == Self.kept else { return lines }
        let first = next % Self.kept
        return Array(lines[first...] + lines[..<first])
    }
}
