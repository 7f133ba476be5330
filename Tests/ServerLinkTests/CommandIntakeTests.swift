import ServerLink
import Supervision
import Testing
import WireProtocol

@Suite struct CommandIntakeTests {
    private let now = BootInstant(sinceBoot: .seconds(1000))
    private let target = TargetID(kind: .process, name: "/run/bot.pid")
    private let intake = CommandIntake(
        endpoint: "https://a", targets: [TargetID(kind: .process, name: "/run/bot.pid")])

    @Test(arguments: CommandAction.allCases) func aCommandForATargetOnTheListIsCarriedOut(action: CommandAction) {
        let command = Command(id: 12, action: action.rawValue, type: "process", target: "/run/bot.pid")
        let ticket = CommandTicket(key: CommandKey(endpoint: "https://a", id: 12), action: action)
        #expect(intake.judge(command, at: now) == .carryOut(ticket, on: target))
    }

    @Test(arguments: [
        ("process", "/run/other.pid"), ("process", "/run/bot.pid "), ("process", "/run//bot.pid"),
        ("process", "/run/./bot.pid"), ("process", "/RUN/bot.pid"), ("process", "pidfile:/run/bot.pid"),
        ("process", "bot"), ("process", ""), ("process", "/run/bot.pid\n"), ("process", "/run/bot.pid\u{0}"),
        ("docker", "/run/bot.pid"), ("Process", "/run/bot.pid"), ("k8s", "/run/bot.pid"), ("", "/run/bot.pid"),
    ])
    func onlyWhatIsOnTheListExactlyAsTypedIsTouched(type: String, name: String) throws {
        let verdict = intake.judge(Command(id: 12, action: "stop", type: type, target: name), at: now)
        guard case .reject(let key, let reason) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(key.id == 12)
        #expect(reason.contains("is not on this runner's list (--watch)"))
        #expect(!reason.unicodeScalars.contains { $0.properties.generalCategory == .control })
    }

    @Test(arguments: ["", "start", "Restart", "restart ", "kill", "restart; rm -rf /", "stop\n"])
    func anythingButRestartAndStopIsRejected(action: String) {
        let verdict = intake.judge(Command(id: 12, action: action, type: "process", target: "/run/bot.pid"), at: now)
        guard case .reject(_, let reason) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(reason.hasPrefix("unknown action '"))
        #expect(reason.hasSuffix("': this runner only knows restart and stop"))
        #expect(!reason.unicodeScalars.contains { $0.properties.generalCategory == .control })
    }

    @Test func theReasonIsShortHoweverLongTheCommand() {
        let long = String(repeating: "x", count: 500_000)
        for command in [
            Command(id: 1, action: long, type: "process", target: "/run/bot.pid"),
            Command(id: 1, action: "stop", type: long, target: long),
        ] {
            guard case .reject(_, let reason) = intake.judge(command, at: now) else {
                Issue.record("it was not rejected")
                return
            }
            #expect(reason.count < 300)
        }
    }

    // MARK: - Until when

    @Test(
        arguments: [
            (nil, nil), (900, .seconds(900)), (0.5, .milliseconds(500)), (0, .zero), (-1, .zero), (-.infinity, nil),
            (-1e300, .zero), (.infinity, nil), (.nan, nil), (1e300, nil), (30 * 86_400 - 1, .seconds(30 * 86_400 - 1)),
            (30 * 86_400, nil),
        ] as [(Double?, Duration?)])
    func itExpiresThatLongAfterItsReceipt(seconds: Double?, life: Duration?) throws {
        let command = Command(id: 1, action: "stop", type: "process", target: "/run/bot.pid", expiresIn: seconds)
        guard case .carryOut(let ticket, _) = intake.judge(command, at: now) else {
            Issue.record("it was rejected")
            return
        }
        #expect(ticket.expires == life.map { now.advanced(by: $0) })
    }

    // MARK: - Which command it is

    @Test func theSameIdFromAnotherServerOrIssuedAnewIsAnotherCommand() {
        let command = Command(id: 1, action: "stop", type: "process", target: "/run/bot.pid")
        var later = command
        later.issuedAt = WireTime(millisecondsSince1970: 5)
        let other = CommandIntake(endpoint: "https://b", targets: [])
        #expect(Set([intake.key(of: command), intake.key(of: later), other.key(of: command)]).count == 3)
        #expect(intake.key(of: later) == CommandKey(endpoint: "https://a", id: 1, issuedAt: 5))
    }
}
