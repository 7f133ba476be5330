import DockerWatcher
import FoundationEssentials
import Glibc
import Logging
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

/// What a client does that is broken, hostile or of another version.
@Suite(.timeLimit(.minutes(2))) struct StandInDockerTests {
    private static let die =
        #"{"Type":"container","Action":"die","Actor":{"ID":"\#(InspectedJSON().id)","Attributes":{"name":"bot","exitCode":"3"}},"timeNano":1795514700000000000}"#

    /// Ten megabytes of noise, then half a line, a line too long and an event of no known kind, then a true one.
    @Test func `Garbage in the stream is passed over, and the event after it is heard`() async throws {
        let docker = try StandInDocker(
            events: """
                head -c 10000000 /dev/urandom; echo; head -c 300000 /dev/zero | tr '\\0' x; echo
                echo '{"Type":"container","Action":"levitate","Actor":{"ID":"'; echo '{"Type":"container"'
                cat $dir/die; hang
                """, inspect: "cat $dir/inspect")
        try docker.write(InspectedJSON().text + "\n", to: "inspect")
        try docker.write(Self.die + "\n", to: "die")
        try await observing(docker.watcher, docker.target) { observations in
            _ = try await observations.alive()
            let before = try ResourceCount.now()
            try docker.write(InspectedJSON().ended(3).text + "\n", to: "inspect")
            let end = try await observations.dead()
            #expect(end.cause == .exit(code: 3))
            try before.requireNoGrowth(over: 20)
        }
    }

    @Test(arguments: [
        ("echo json", "docker gave an answer that can't be read"),
        ("printf '{\"Id\":'", "docker gave an answer that can't be read"),
        ("head -c 20000000 /dev/zero", "docker gave an answer longer than any that could be right"),
        (
            "echo 'Cannot connect to the Docker daemon at unix:///x. Is it running?' >&2; exit 1",
            "Cannot connect to the Docker daemon at unix:///x. Is it running?"
        ),
        ("echo 'Got permission denied while trying to connect' >&2; exit 1", "must be in the group docker"),
        ("printf 'No such container: bot\\nand more\\n' >&2; exit 1", "No such container: bot"),
        ("hang", "docker does not answer"), ("exit 7", "docker ended with exit 7"),
        ("kill -9 $$", "docker was killed by signal 9"),
    ]) func `An answer that can't be right makes nothing dead`(inspect: String, words: String) async throws {
        let docker = try StandInDocker(events: "hang", inspect: inspect)
        try await observing(docker.watcher, docker.target) { observations in
            let told = try await observations.next()
            guard case .undetermined(let reason) = told.liveness else { return #expect(Bool(false), "\(told)") }
            #expect(reason.hasPrefix("can't be judged: "))
            #expect(reason.contains(words.replacing("docker ", with: "")), "\(reason)")
        }
    }

    @Test func `A client that says nothing from the start is told`() async throws {
        let docker = try StandInDocker(events: "hang", inspect: "hang", backlog: "hang")
        try await observing(docker.watcher, docker.target) { observations in
            let told = try await observations.next()
            #expect(
                told.liveness == .undetermined("can't be judged: \(docker.directory.file("docker")) does not answer"))
        }
    }

    /// The client is slow, and has looked before the death.
    @Test func `A reading from before a death that an event told makes nothing alive again`() async throws {
        let docker = try StandInDocker(
            events: "exec tail --pid=$test -n +1 -f $dir/stream",
            inspect: """
                cp $dir/inspect $dir/seen
                if [ -e $dir/slow ]; then cat $dir/die >>$dir/stream; while [ ! -e $dir/go ]; do sleep 0.02; done; fi
                cat $dir/seen
                """)
        try docker.write(Self.die + "\n", to: "die")
        try docker.write("", to: "stream")
        try docker.write(InspectedJSON().text + "\n", to: "inspect")
        try await observing(docker.watcher, docker.target) { observations in
            _ = try await observations.alive()
            try docker.write("", to: "slow")
            try docker.say(Self.die.replacing("die", with: "start"))
            #expect(try await observations.dead().cause == .exit(code: 3))
            try FileManager.default.removeItem(atPath: docker.directory.file("slow").string)
            try docker.write(InspectedJSON(status: "paused").text + "\n", to: "inspect")
            try docker.write("", to: "go")
            let told = try await observations.next()
            #expect(told.liveness == .handledElsewhere("is paused (docker pause)"))
        }
    }

    /// As podman tells it, whose client is behind.
    @Test func `A restart is not judged by what was read before its death was told`() async throws {
        let docker = try StandInDocker(
            events: "exec tail --pid=$test -n +1 -f $dir/stream",
            inspect: """
                cp $dir/inspect $dir/seen
                if [ -e $dir/slow ]; then cat $dir/die >>$dir/stream; while [ ! -e $dir/go ]; do sleep 0.02; done; fi
                cat $dir/seen
                """, act: "cp $dir/next $dir/inspect; touch $dir/slow")
        try docker.write(Self.die + "\n", to: "die")
        try docker.write("", to: "stream")
        try docker.write(InspectedJSON().text + "\n", to: "inspect")
        var next = InspectedJSON()
        next.startedAt = "2026-11-24T11:00:00Z"
        try docker.write(next.text + "\n", to: "next")
        try await observing(docker.watcher, docker.target) { observations in
            _ = try await observations.alive()
            async let outcome = docker.watcher.perform(.restart, on: docker.target) {}
            _ = try await observations.dead()
            try FileManager.default.removeItem(atPath: docker.directory.file("slow").string)
            try docker.write("", to: "go")
            let life = try #require(next.facts?.identity)
            let result = await outcome
            #expect(result == .up(life, note: nil))
        }
    }

    /// Events as fast as a client can write them, of the very container that is watched.
    @Test func `What happens during a flood of events is seen`() async throws {
        let docker = try StandInDocker(
            events: "exec yes \"$(cat $dir/start)\"", inspect: "cat $dir/inspect")
        var json = InspectedJSON()
        try docker.write(json.text + "\n", to: "inspect")
        try docker.write(Self.die.replacing("die", with: "start"), to: "start")
        try await observing(docker.watcher, docker.target) { observations in
            var life = try await observations.alive()
            for start in 1...5 {
                json.startedAt = "2026-11-24T11:00:00.\(100_000 + start)Z"
                try docker.write(json.text + "\n", to: "inspect")
                life = try await observations.alive(otherThan: life)
            }
        }
    }

    @Test func `What is not there is missing, and only then`() async throws {
        let docker = try StandInDocker(
            events: "hang", inspect: "echo 'Error: No such container: bot' >&2; exit 1")
        try await observing(docker.watcher, docker.target) { observations in
            let told = try await observations.next()
            #expect(told.liveness == .missing("is missing: there is no container of that name"))
        }
        let outcome = await docker.watcher.perform(.recover, on: docker.target) {}
        #expect(outcome == .failed("there is no container of that name: create it again", isPermanent: true))
        #expect(await docker.watcher.perform(.stop, on: docker.target) {} == .down)
    }

    @Test func `A stream that ends is begun again, and nothing is told of it`() async throws {
        let docker = try StandInDocker(
            events: "[ -e $dir/once ] && hang; touch $dir/once; exit 0", inspect: "cat $dir/inspect")
        try docker.write(InspectedJSON().text + "\n", to: "inspect")
        try await observing(docker.watcher, docker.target) { observations in
            _ = try await observations.alive()
            try docker.write(InspectedJSON(status: "paused").text + "\n", to: "inspect")
            let told = try await observations.next()
            guard case .handledElsewhere = told.liveness else { return #expect(Bool(false), "\(told)") }
        }
    }

    @Test func `Commands are fixed lists of arguments, by id, and secrets stay here`() async throws {
        let docker = try StandInDocker(
            events: "hang", inspect: "cat $dir/inspect", act: "env >$dir/environment; cp $dir/next $dir/inspect")
        try docker.write(InspectedJSON().text + "\n", to: "inspect")
        var next = InspectedJSON()
        next.startedAt = "2026-11-24T11:00:00Z"
        try docker.write(next.text + "\n", to: "next")
        let outcome = await docker.watcher.perform(.restart, on: docker.target) {}
        guard case .up(let life, _) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(life == next.facts?.identity)
        let id = InspectedJSON().id
        #expect(
            docker.calls == [
                "inspect --type container --format {{json .}} -- bot", "restart -- \(id)",
                "inspect --type container --format {{json .}} -- bot",
            ])
        let environment = try String(contentsOfFile: docker.directory.file("environment").string, encoding: .utf8)
        #expect(!environment.contains("SECRET"))
    }

    @Test func `A restart that changed nothing has failed, with what the client said`() async throws {
        let docker = try StandInDocker(
            events: "hang", inspect: "cat $dir/inspect",
            act: "echo 'Error response from daemon: no space left on device' >&2; exit 1")
        try docker.write(InspectedJSON().text + "\n", to: "inspect")
        let outcome = await docker.watcher.perform(.restart, on: docker.target) {}
        #expect(outcome == .failed("Error response from daemon: no space left on device", isPermanent: false))
    }

    @Test func `Without a client the targets are in doubt, and it is said what to do`() async throws {
        let target = TargetID(kind: .docker, name: "bot")
        let context = WatcherContext(
            targets: [target: TargetSettings()], memory: MemoryWatcherMemory(), logger: Logger(label: "test"))
        let watcher = DockerWatcher(
            context, program: "no-such-docker", environment: ["PATH": "/usr/bin"], loop: try EventLoop())
        try await observing(watcher, target) { observations in
            let told = try await observations.next()
            guard case .undetermined(let reason) = told.liveness else { return #expect(Bool(false), "\(told)") }
            #expect(reason.hasSuffix("there is no program 'no-such-docker': install it, or give --docker-command"))
        }
    }
}
