import Supervision
import SystemPackage
import SystemdSupport
import SystemdWatcher
import Testing

@Suite struct NamesAndPacesTests {
    @Test(
        arguments: [
            ("bot", "bot.service"), ("bot.service", "bot.service"), ("bot@1", "bot@1.service"),
            ("backup.timer", "backup.timer"), ("my.bot", "my.bot.service"), (".timer", ".timer"),
        ])
    func `A name without the suffix of a type is a service`(name: String, unit: String) {
        #expect(UnitName.complete(name) == unit)
    }

    @Test func `Tries to connect become rarer, up to one in ten seconds`() {
        var pace = ReconnectPace()
        #expect((0..<3).map { _ in pace.next() } == [.milliseconds(100), .milliseconds(200), .milliseconds(400)])
        for _ in 0..<100 { _ = pace.next() }
        #expect(pace.next() == .seconds(10))
        pace.reset()
        #expect(pace.next() == .milliseconds(100))
    }

    @Test func `A bus is asked for what is watched, and never for more rules than it takes`() {
        let rules = MatchRules.unit("bot.service", path: "/u/bot_2eservice")
        #expect(rules.contains { $0.contains("member='PropertiesChanged'") && $0.contains("path='/u/bot_2eservice'") })
        #expect(rules.contains { $0.contains("member='JobRemoved'") && $0.contains("arg2='bot.service'") })
        let each = MatchRules.unit("bot.service", path: "/u").count
        // What is asked for of all units comes when there are one too many to be asked for each, which then stay.
        #expect(MatchRules.common.count + MatchRules.limit * each + MatchRules.all.count <= 512)
    }

    @Test func `Root has a way without a bus, and only root`() {
        #expect(
            ManagerRoute.all(to: .system, user: 0, runtimeDirectory: nil)
                == [.systemBus, .socket("/run/systemd/private")])
        #expect(ManagerRoute.all(to: .system, user: 5, runtimeDirectory: "/run/user/5") == [.systemBus])
        #expect(
            ManagerRoute.all(to: .user, user: 5, runtimeDirectory: "/run/user/5")
                == [.userBus, .socket("/run/user/5/systemd/private")])
    }
}
