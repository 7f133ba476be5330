import SystemSupport
import SystemdSupport
import Testing

@Suite struct UnitTests {
    @Test(
        arguments: [
            (.seconds(10), 10_000_000), (.microseconds(7), 7), (.nanoseconds(1), 1), (.zero, 1), (.seconds(-1), 1),
            (.seconds(Int64.max), UInt64.max),
        ] as [(Duration, UInt64)])
    func `A timeout is what sd-bus takes for one`(duration: Duration, microseconds: UInt64) {
        #expect(duration.microseconds == microseconds)
    }

    @Test(
        arguments: [
            ("/run/my-bot.pid", "clevagent-launch-_run_my_bot_pid-1f.service"),
            ("../../x;$(y)\n@%.service", "clevagent-launch-______x___y_____service-1f.service"),
            ("bäckup", "clevagent-launch-b__ckup-1f.service"), ("", "clevagent-launch--1f.service"),
        ])
    func `A unit's name has nothing in it that is read as more than a name`(label: String, name: String) {
        #expect(UnitLauncher.unitName(label, "1f") == name)
    }

    @Test func `A unit's name is never too long`() {
        let name = UnitLauncher.unitName(String(repeating: "/ü", count: 3000), "ffffffffffffffff")
        // UNIT_NAME_MAX of systemd.
        #expect(name.utf8.count < 255)
    }

    @Test(
        arguments: [
            (["/init.scope"], ["/system.slice/clevagent-launch-"]),
            (["/", "/a/b/init.scope"], ["/a/b/system.slice/clevagent-launch-"]), (["/"], []), ([], []),
        ] as [(Set<String>, Set<String>)])
    func `Units of ours are found beside the manager`(manager: Set<String>, launched: Set<String>) {
        #expect(ServiceManager.launchCgroups(manager: CgroupMembership(paths: manager)) == launched)
    }
}
