import Glibc
import RunnerKit
import Supervision
import Testing

/// What is watched.
@Suite struct ConfigurationTargetTests {
    @Test(arguments: [
        ("process:/run/my-bot.pid", "my-bot"), ("trader=process:/run/my-bot.pid", "trader"),
        ("process:/run/my-bot", "my-bot"), ("process:pidfile:/run/a=b.pid", "a=b"),
        ("Ümläut 7=process:/run/x.pid", "Ümläut 7"),
        ("process:python main.py", "python main.py"), ("process:match:/opt/bot", "/opt/bot"),
        ("process:match:bot.pid", "bot.pid"), ("trader=process:bot --fast", "trader"),
        ("x=process:" + String(repeating: "a", count: 4000), "x"),
    ])
    func aTargetHasTheNameOfItsAgentOrTheOneThatIsGiven(text: String, agent: String) throws {
        var bench = try ResolverBench()
        bench.options.watch = [text]
        #expect(try bench.resolve().targets.map(\.target.agent) == [agent])
    }

    @Test(arguments: [
        ("", "no type: write [AGENT=]TYPE:NAME"), ("bot", "no type: write [AGENT=]TYPE:NAME"),
        ("/run/bot.pid", "no type: write [AGENT=]TYPE:NAME"), (":bot", "there is no type ''"),
        ("Process:/run/bot.pid", "there is no type 'Process'"), ("k8s:bot", "let Kubernetes restart its own pods"),
        ("bot=k8s:pod", "let Kubernetes restart its own pods"), ("process:", "no name after 'process:'"),
        ("process:-x", "a name may not begin with '-'"), ("docker:-x", "a name may not begin with '-'"),
        ("docker:a b", "a container's name has only"),
        ("systemd:worker@.service", "a template is no unit: write worker@NAME.service"),
        ("systemd:worker@", "a template is no unit: write worker@NAME.service"),
        ("systemd:a@.timer", "a template is no unit: write a@NAME.timer"),
        ("systemd:a;b", "a unit's name has only"),
        ("docker:--privileged", "a name may not begin with '-'"), ("docker:", "no name after 'docker:'"),
        ("docker:;rm", "a container's name has only"), ("docker:$(id)", "a container's name has only"),
        ("docker:bot\nx", "a container's name has only"), ("docker:b\u{43E}t", "a container's name has only"),
        ("docker:a/b", "a container's name has only"),
        ("docker:" + String(repeating: "a", count: 5000), "a name has at most 255 bytes"),
        ("docker:bot", "docker targets are not there yet in this version (there is: process)"),
        ("systemd:bot", "systemd targets are not there yet in this version (there is: process)"),
        ("launchd:org.bot", "launchd is macOS's: there is none on this host (there is: process)"),
        ("process:bot.pid", "write the absolute path of the PID file"),
        ("process:run/bot.pid", "write the absolute path of the PID file"),
        ("process:pidfile:bot", "write the absolute path of the PID file"),
        // The name of something that exists here.
        ("process:./.", "write the absolute path of the PID file"),
        ("process:a", "too short: it would match by chance; give at least 3 letters"),
        ("process:match:py", "too short: it would match by chance; give at least 3 letters"),
        ("process:  a ", "too short: it would match by chance; give at least 3 letters"),
        ("process:match:", "too short: it would match by chance"), ("process:cv_0123", "that looks like an API key"),
        ("process:" + String(repeating: "a", count: 201), "too long for the name of an agent: write AGENT= before it"),
        ("x=process:" + String(repeating: "a", count: 4096), "a name has at most 4095 bytes"),
        ("process:/run/", "that is a directory"), ("process:/run/a\nb.pid", "a name has no control characters"),
        ("=process:/run/bot.pid", "an agent's name has 1 to 200 characters"),
        ("a\tb=process:/run/bot.pid", "an agent's name has 1 to 200 characters"),
        (String(repeating: "a", count: 201) + "=process:/run/bot.pid", "an agent's name has 1 to 200 characters"),
        ("process:/" + String(repeating: "a", count: 4096), "a name has at most 4095 bytes"),
    ])
    func whatCannotBeWatchedIsRefused(text: String, reason: String) throws {
        var bench = try ResolverBench()
        bench.options.watch = [text]
        let problems = bench.problems
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("--watch '") == true)
        #expect(problems.first?.contains(reason) == true)
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 64)
    }

    @Test(arguments: [
        (["process:/run/a.pid", "process:/run/a.pid"], "--watch 'process:/run/a.pid': is there twice"),
        (["process:/run/a.pid", "x=process:/run/a.pid"], "--watch 'x=process:/run/a.pid': is there twice"),
        (
            ["process:/run/a.pid", "x=process:pidfile:/run/a.pid"],
            "--watch 'x=process:pidfile:/run/a.pid': is there twice"
        ),
        (["a=systemd:x.service", "b=systemd:x"], "--watch 'b=systemd:x': is there twice"),
        (["a=systemd:my.bot", "b=systemd:my.bot.service"], "--watch 'b=systemd:my.bot.service': is there twice"),
        (["a=docker:x", "b=docker:x"], "--watch 'b=docker:x': is there twice"),
        (["process:bot.py", "x=process:match:bot.py"], "--watch 'x=process:match:bot.py': is there twice"),
        (["process:/run/a.pid", "x=process:/run//./a.pid"], "--watch 'x=process:/run//./a.pid': is there twice"),
        (
            ["process:/run/a.pid", "process:/tmp/a.pid"],
            "--watch 'process:/tmp/a.pid': another target has the agent name 'a': write OTHER=process:/tmp/a.pid"
        ),
        (
            ["x=process:/run/a.pid", "x=process:/run/b.pid"],
            "--watch 'x=process:/run/b.pid': another target has the agent name 'x': write OTHER=process:/run/b.pid"
        ),
    ])
    func twoTargetsAreTwoWithTwoNames(watch: [String], problem: String) throws {
        var bench = try ResolverBench()
        bench.kinds = [.docker, .process, .systemd]
        bench.options.watch = watch
        #expect(bench.problems == [problem])
    }

    @Test func whoCanMatchIsSetOrWarnedOf() throws {
        var bench = try ResolverBench()
        bench.options.watch = ["process:my-bot"]
        let warning = "process:my-bot: a process of any user can match it: set user: for it in the settings file"
        #expect(try bench.resolve().warnings == (geteuid() == 0 ? [warning] : []))
        for (user, number) in [("root", 0 as UInt32), ("1234", 1234)] {
            let (settings, problems) = try bench.settings("targets: {'process:my-bot': {user: \(user)}}")
            #expect(problems == [])
            #expect(settings?.user == number)
            #expect(try bench.resolve().warnings == [])
        }
    }

    @Test func theEnvironmentHoldsOneTargetALine() throws {
        var bench = try ResolverBench()
        bench.options.watch = []
        bench.environment["CLEVAGENT_WATCH"] = "  process:/run/a.pid \r\n\n\tb=process:/run/x y.pid\n"
        #expect(
            try bench.resolve().targets.map(\.target.id.name) == ["/run/a.pid", "/run/x y.pid"])
        bench.environment["CLEVAGENT_WATCH"] = "process:/run/a.pid\nbot\n"
        #expect(bench.problems.first?.hasPrefix("CLEVAGENT_WATCH 'bot': no type") == true)
        bench.options.watch = ["process:/run/c.pid"]
        #expect(try bench.resolve().targets.map(\.target.agent) == ["c"])
    }

    @Test func everyTargetThatIsWrongIsTold() throws {
        var bench = try ResolverBench()
        bench.options.watch = ["bot", "process:/run/a.pid", "k8s:x", "process:/run/a.pid", "process:b.pid"]
        #expect(bench.problems.count == 4)
    }

    @Test func theyAreKeptInTheOrderInWhichTheyWereGiven() throws {
        var bench = try ResolverBench()
        let names = (0..<50).map { "/run/bot-\($0 * 7 % 50).pid" }
        bench.options.watch = names.map { "process:\($0)" }
        #expect(try bench.resolve().targets.map(\.target.id.name) == names)
    }
}
