package import Supervision
import SystemSupport
package import SystemdSupport

/// What systemd tells of a unit, as far as it matters here (org.freedesktop.systemd1(5)).
///
/// What is missing or of a wrong type stays as it is without: systemd adds and drops properties between versions.
package struct UnitFacts: Sendable, Hashable {
    package var id = ""
    package var loadState = ""
    /// Why the unit's file can't be used.
    package var loadError: String?
    package var activeState = ""
    package var subState = ""
    /// The job that waits or runs, since somebody asked for a start or a stop; 0 for none.
    package var job: UInt64 = 0
    /// When a start last asked whether its conditions are met: CLOCK_MONOTONIC, in microseconds; 0 for never.
    package var conditionTime: UInt64 = 0
    /// 32 hexadecimal digits; empty when it was not started since it was loaded.
    package var invocation = ""
    /// A person may start it.
    package var canStart = true

    // When it last became and stopped being active, and stopped being inactive: CLOCK_MONOTONIC, in microseconds.
    package var activeEnter: UInt64 = 0
    package var activeExit: UInt64 = 0
    package var inactiveExit: UInt64 = 0

    // Only services have the rest.
    package var type = ""
    package var remainsAfterExit = false
    package var result = ""
    package var mainPID: Int32 = 0
    package var mainStart: UInt64 = 0
    /// The life in which a main process was seen.
    package var mainInvocation = ""
    package var mainExit: UInt64 = 0
    /// CLD_EXITED and the like (waitid(2)).
    package var exitCode: Int32 = 0
    package var exitStatus: Int32 = 0
    package var restarts: UInt32 = 0
    package var hasRuntimeLimit = false
    package var cgroup = ""
    /// What it writes goes to the journal, and is not known to go elsewhere only (StandardOutput=, StandardError=).
    package var writesToJournal = true

    package static let unitNames: Set<String> = [
        "Id", "LoadState", "LoadError", "ActiveState", "SubState", "Job", "InvocationID", "CanStart",
        "ActiveEnterTimestampMonotonic", "ActiveExitTimestampMonotonic", "InactiveExitTimestampMonotonic",
        "ConditionTimestampMonotonic",
    ]
    package static let serviceNames: Set<String> = [
        "Type", "RemainAfterExit", "Result", "MainPID", "ExecMainStartTimestampMonotonic",
        "ExecMainExitTimestampMonotonic", "ExecMainCode", "ExecMainStatus", "NRestarts", "RuntimeMaxUSec",
        "ControlGroup", "StandardOutput", "StandardError",
    ]

    package init() {}

    /// Takes over those properties that are there. Names mean the same on both interfaces.
    package mutating func update(_ properties: [String: BusValue]) {
        func set<Value>(_ path: WritableKeyPath<Self, Value>, _ value: Value?) {
            if let value { self[keyPath: path] = value }
        }
        func time(_ path: WritableKeyPath<Self, UInt64>, _ name: String) {
            set(path, properties["\(name)TimestampMonotonic"]?.number)
        }
        set(\.id, properties["Id"]?.text)
        set(\.loadState, properties["LoadState"]?.text)
        if let error = properties["LoadError"]?.list, let words = error.last?.text {
            loadError = words.isEmpty ? nil : words
        }
        set(\.activeState, properties["ActiveState"]?.text)
        set(\.subState, properties["SubState"]?.text)
        set(\.job, properties["Job"]?.list?.first?.number)
        time(\.conditionTime, "Condition")
        set(\.invocation, properties["InvocationID"]?.bytes.map(Self.hexadecimal))
        set(\.canStart, properties["CanStart"]?.flag)
        time(\.activeEnter, "ActiveEnter")
        time(\.activeExit, "ActiveExit")
        time(\.inactiveExit, "InactiveExit")
        set(\.type, properties["Type"]?.text)
        set(\.remainsAfterExit, properties["RemainAfterExit"]?.flag)
        set(\.result, properties["Result"]?.text)
        set(\.mainPID, properties["MainPID"]?.number.map { Int32(clamping: $0) })
        time(\.mainStart, "ExecMainStart")
        time(\.mainExit, "ExecMainExit")
        set(\.exitCode, properties["ExecMainCode"]?.signed.map { Int32(clamping: $0) })
        set(\.exitStatus, properties["ExecMainStatus"]?.signed.map { Int32(clamping: $0) })
        set(\.restarts, properties["NRestarts"]?.number.map { UInt32(clamping: $0) })
        set(\.hasRuntimeLimit, properties["RuntimeMaxUSec"]?.number.map { $0 != .max && $0 != 0 })
        set(\.cgroup, properties["ControlGroup"]?.text)
        let outputs = [properties["StandardOutput"]?.text, properties["StandardError"]?.text].compactMap { $0 }
        if !outputs.isEmpty {
            writesToJournal = outputs.contains {
                $0.hasPrefix("journal") || $0.hasPrefix("kmsg") || $0.hasPrefix("syslog")
            }
        }
        if mainPID > 0 { mainInvocation = invocation }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        guard bytes.contains(where: { $0 != 0 }) else { return "" }
        return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// systemd has forgotten all about it: it was stopped, nothing needed it, and it was loaded anew for our question.
    package var isBlank: Bool { activeState == "inactive" && invocation.isEmpty }

    package var hasJob: Bool { job != 0 }

    /// Its process has ended, and systemd is about to start it again by its Restart=.
    package var isAwaitingRestart: Bool { subState.contains("auto-restart") }

    package var isDown: Bool { (activeState == "inactive" || activeState == "failed") && !isAwaitingRestart }

    /// It does not stay as it is: systemd has a job for it, or starts or stops it.
    package var isOnItsWay: Bool { hasJob || activeState == "activating" || activeState == "deactivating" }

    /// The life that runs, or that ran last.
    package var identity: Identity? {
        guard !invocation.isEmpty else { return nil }
        // A unit leaves inactivity also to wait for its next start. Without a main process of this life there is no other.
        let began = mainPID > 0 || knowsMainExit ? mainStart : inactiveExit
        return Identity(
            token: invocation, pid: mainPID > 0 ? mainPID : nil,
            began: began > 0 ? BootInstant(monotonicMicroseconds: began) : nil)
    }

    /// The same life when it has ended: without a PID.
    package var endedIdentity: Identity? { identity.map { Identity(token: $0.token, pid: nil, began: $0.began) } }
}
