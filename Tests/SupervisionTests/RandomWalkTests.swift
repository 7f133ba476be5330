import Supervision
import Testing
import WireProtocol

/// Every event in every state, in orders that nobody thought of: what must never happen, never does.
@Suite struct RandomWalkTests {
    private struct Walk {
        var bot: Machine
        var dice: SplitMix64
        var inHand: TargetAction?
        var hasPermit = false
        var isWanted = false
        var open: Set<Int64> = []
        var nextID: Int64 = 1
        var isStopping = false

        init(seed: UInt64) {
            dice = SplitMix64(seed: seed)
            let policy = RestartPolicy.allCases.randomElement(using: &dice) ?? .unlessStopped
            bot = Machine(policy: policy, backoff: Backoff(initial: .seconds(1), maximum: .seconds(8)))
        }

        mutating func step() {
            let event = event()
            if case .commanded(let ticket) = event { open.insert(ticket.key.id) }
            if case .startPermitted = event {
                isWanted = false
                hasPermit = true
            }
            if case .finished = event { inHand = nil }
            if case .runnerStopping = event { isStopping = true }
            let wasHeld = bot.machine.isHeld
            bot.feed(event, after: .milliseconds(Int64.random(in: 0...4000, using: &dice)))
            for action in bot.actions { check(action, event, wasHeld: wasHeld) }
            if bot.machine.isHeld, bot.machine.life == nil, inHand == nil {
                #expect(bot.machine.deadline == nil, "what is held down has no plan")
            }
            #expect(bot.machine.isOperating == (inHand != nil))
        }

        private mutating func check(
            _ action: TargetStateMachine.Action, _ event: TargetStateMachine.Event, wasHeld: Bool
        ) {
            switch action {
            case .perform(let action):
                #expect(inHand == nil, "two actions on one target")
                #expect(!isStopping, "begun after the runner was told to stop")
                if action != .stop { #expect(hasPermit, "a start without a permit") }
                inHand = action
            case .requestStart:
                #expect(!isWanted && !hasPermit, "a second permit")
                isWanted = true
            case .releaseStart:
                #expect(isWanted || hasPermit, "a permit given back that was not had")
                isWanted = false
                hasPermit = false
            case .resolve(let key, _):
                #expect(open.remove(key.id) != nil, "a second result for one command")
            case .persist, .report, .gather: break
            }
        }

        private mutating func event() -> TargetStateMachine.Event {
            let life = Int.random(in: 1...3, using: &dice)
            if inHand != nil, Int.random(in: 0..<10, using: &dice) == 0 { return .startMade }
            switch Int.random(in: 0..<20, using: &dice) {
            case 0, 1, 2: return .observed(Observation(.alive(.life(life))))
            case 3: return .observed(Observation(.unhealthy(.life(life), "sick")))
            case 4, 5, 6:
                return .observed(
                    Observation(
                        .dead(End(identity: .life(life), cause: .unknown, isDeliberate: Bool.random(using: &dice)))))
            case 7: return .observed(Observation(.missing("no file")))
            case 8: return .observed(Observation(.undetermined("?")))
            case 9: return .observed(Observation(.handledElsewhere("auto-restart")))
            case 10: return .observed(Observation(.alive(.life(life)), obstacle: "not ours"))
            case 11, 12:
                let id = nextID
                nextID += 1
                return .commanded(Bool.random(using: &dice) ? .restart(id) : .stop(id))
            case 13...15 where inHand != nil:
                switch Int.random(in: 0..<5, using: &dice) {
                case 4: return .finished(.blocked("full"))
                case 0: return .finished(.failed("no", isPermanent: Bool.random(using: &dice)))
                case 1: return .finished(.down)
                default: return .finished(.up(.life(life), note: nil))
                }
            case 16...17 where isWanted:
                return .startPermitted
            case 18 where Int.random(in: 0..<50, using: &dice) == 0: return .runnerStopping
            default: return .deadlineReached
            }
        }
    }

    @Test(arguments: 0..<8) func nothingForbiddenHappens(_ block: UInt64) {
        for seed in (block * 250)..<((block + 1) * 250) {
            var walk = Walk(seed: seed)
            for _ in 0..<150 { walk.step() }
        }
    }
}
