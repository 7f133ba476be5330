package import Supervision

// How the last life of a unit ended.
extension UnitFacts {
    /// The main process that ended is of the last life: a command before it may have failed, and then the numbers are of
    /// an earlier life. Waiting for a restart counts as not inactive: who meets the limit on starts after that ended before.
    var knowsMainExit: Bool {
        guard mainExit > 0 else { return false }
        return mainExit >= inactiveExit || result == "start-limit-hit" || isAwaitingRestart
            || (!mainInvocation.isEmpty && mainInvocation == invocation)
    }

    package var cause: End.Cause {
        if result == "oom-kill" { return .outOfMemory }
        guard knowsMainExit else { return .unknown }
        // waitid(2).
        return switch exitCode {
        case 1: .exit(code: exitStatus)
        case 2, 3: .signal(exitStatus)
        default: .unknown
        }
    }

    /// Somebody wanted it down.
    ///
    /// - Parameter wayDown: how it was seen to go down.
    package func isDeliberate(_ wayDown: WayDown?) -> Bool {
        if wayDown == .stopped || wayDown == .stoppedWhenDown { return true }
        switch result {
        case "success", "":
            // Nothing is known against it (systemd forgets a unit that nobody needs), or it stays up without a process.
            if !knowsMainExit || remainsAfterExit { return true }
            // Ended by a signal that systemd takes for an orderly one: TERM, INT, HUP, PIPE (systemd.service(5)).
            if case .signal = cause { return true }
            return wasStoppedFirst && wayDown == nil
        case "exit-code", "signal", "core-dump": return wasStoppedFirst && wayDown == nil
        // It did not end when it was asked to. Who limits its run time would be told the same.
        case "timeout": return wasStoppedFirst && !hasRuntimeLimit
        default: return false
        }
    }

    /// systemd began to stop it while its main process still ran; a process that ends by itself comes first.
    private var wasStoppedFirst: Bool {
        knowsMainExit && activeEnter >= inactiveExit && activeExit > activeEnter && activeExit < mainExit
    }

    /// What systemd adds, in words.
    package var endDetail: String? {
        switch result {
        case "success", "signal", "oom-kill", "": nil
        case "exit-code": exitDetail
        case "core-dump": "it dumped core"
        case "watchdog": "its watchdog timed out"
        case "start-limit-hit": "it was started too often for systemd (start-limit-hit)"
        case "timeout" where activeEnter < inactiveExit || activeEnter == 0: "it did not start in time"
        case "timeout" where hasRuntimeLimit: "it ran longer than its RuntimeMaxSec= allows"
        case "timeout": "it did not stop in time"
        case "resources": "systemd lacked what it needs to start it"
        case "protocol": "it did not do what its Type=\(type) promises"
        case "exec-condition": "its ExecCondition= said no"
        default: "systemd says: \(result)"
        }
    }

    /// What systemd means by the codes that it ends a process with before the program begins (systemd.exec(5)).
    private var exitDetail: String? {
        // A command before its main process, perhaps, or the limit on starts.
        guard knowsMainExit else { return "systemd says: exit-code" }
        guard exitCode == 1 else { return nil }
        return switch exitStatus {
        case 200: "systemd could not enter its directory (200/CHDIR)"
        case 203: "systemd could not execute its program (203/EXEC)"
        case 216: "systemd could not set its group (216/GROUP)"
        case 217: "systemd could not set its user (217/USER)"
        case 226: "systemd could not set up its sandbox (226/NAMESPACE)"
        default: nil
        }
    }

    package func end(_ wayDown: WayDown?) -> End {
        if wayDown == .stoppedWhenDown {
            return End(identity: endedIdentity, cause: .unknown, isDeliberate: true, detail: "it was down already")
        }
        return End(
            identity: endedIdentity, cause: cause, isDeliberate: isDeliberate(wayDown), detail: endDetail)
    }

    /// Why a start came to nothing, to follow "could not be restarted:".
    package var failedStart: String { result == "exit-code" ? exitDetail ?? cameUp : cameUp }

    private var cameUp: String { "it came up and \(endWords)" }

    /// How it ended, to follow "after it".
    package var endWords: String {
        let how =
            switch cause {
            case .exit(let code): "ended with exit \(code)"
            case .signal(let number): "was ended by \(SignalName.of(number))"
            case .outOfMemory: "was killed for lack of memory"
            case .unknown: "ended"
            }
        return how + (endDetail.map { "; \($0)" } ?? "")
    }
}
