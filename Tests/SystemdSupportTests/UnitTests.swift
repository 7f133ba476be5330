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

    @Test(
        arguments: [
            ("/system.slice/clevagent-runner.service", false, "clevagent-runner.service"),
            ("/system.slice/clevagent-runner.service/sub", false, "clevagent-runner.service"),
            ("/user.slice/user-5.slice/user@5.service/app.slice/bots.service", false, "bots.service"),
            ("/docker/docker-1.scope/system.slice/bots.service", false, "bots.service"),
            // A terminal that is started as a service, a login, a user's own scope, containers.
            ("/user.slice/user-5.slice/user@5.service/app.slice/terminal.service", true, nil),
            ("/system.slice/ssh.service", true, nil), ("/user.slice/user-5.slice/session-1.scope", false, nil),
            ("/user.slice/user-5.slice/user@5.service/app.slice/run-1.scope", false, nil),
            ("/system.slice/docker-1.scope", false, nil), ("/system.slice/pod.service/libpod-1", false, nil),
            ("/", false, nil),
        ] as [(String, Bool, String?)])
    func `A runner knows the service that it runs in`(cgroup: String, hasTerminal: Bool, service: String?) {
        let cgroups = CgroupMembership(paths: [cgroup])
        #expect(ServiceManager.enclosingService(of: cgroups, hasTerminal: hasTerminal) == service)
    }
}
