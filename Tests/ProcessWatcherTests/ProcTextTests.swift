import Glibc
import SystemSupport
import Testing

/// What the kernel writes, as it was found on real machines, and what it never writes.
@Suite struct ProcTextTests {
    @Test(arguments: ["bot", "a b", "x) S 1 (y", "", "((", "))) R 7"])
    func `The fields of stat begin after the last parenthesis`(name: String) throws {
        let stat = try #require(ProcessStat(parsing: Array(line(name).utf8)))
        #expect(stat.name == ByteText(name))
        #expect(stat.pid == 4711)
        #expect(stat.state == UInt8(ascii: "S"))
        #expect(stat.parent == 1)
        #expect(stat.session == 4711)
        #expect(stat.startTicks == 123_456)
        #expect(stat.residentPages == 500)
        #expect(!stat.isKernelThread)
    }

    @Test(arguments: ["", "4711", "4711 (x", "4711 (x)", "4711 (x) S 1 2 3", "x (x) S 1 1 1 0 -1 0"])
    func `A cut stat is no stat`(text: String) {
        #expect(ProcessStat(parsing: Array(text.utf8)) == nil)
    }

    @Test func `All four ids are read from status`() throws {
        let text = "Name:\tb\nUmask:\t0027\nTgid:\t40\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n"
        let status = try #require(ProcessStatus(parsing: Array(text.utf8)))
        #expect(status.users == [1, 2, 3, 4])
        #expect(status.groups == [5, 6, 7, 8])
        #expect(status.supplementaryGroups == [9, 10])
        #expect(status.effectiveUser == 2)
        #expect(status.threadGroup == 40)
        #expect(status.umask == 0o27)
        #expect(ProcessStatus(parsing: Array("Uid:\t1\t2\n".utf8)) == nil)
    }

    @Test(
        arguments: [
            ("0::/system.slice/bot.service\n", ["/system.slice/bot.service"], []),
            ("0::/system.slice/bot.service/sub/deep\n", ["/system.slice/bot.service"], []),
            ("0::/user.slice/user-1000.slice/session-3.scope\n", [], []),
            ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-term.scope\n", [], []),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/bot.service\n",
                ["/user.slice/user-1000.slice/user@1000.service/app.slice/bot.service"], []
            ),
            ("1:name=systemd:/system.slice/a:b.service\n0::/\n", ["/system.slice/a:b.service"], []),
            ("0::/system.slice/docker-0123abcd.scope\n", [], ["/system.slice/docker-0123abcd.scope"]),
            (
                "4:memory:/docker/" + String(repeating: "ab", count: 32) + "\n", [],
                ["/docker/" + String(repeating: "ab", count: 32)]
            ),
            ("0::/\n", [], []),
        ] as [(String, Set<String>, Set<String>)])
    func `Services and containers are found in cgroups`(text: String, services: Set<String>, containers: Set<String>) {
        let membership = CgroupMembership(parsing: Array(text.utf8))
        #expect(membership.services == services)
        #expect(membership.containers == containers)
    }

    @Test func `A block of texts keeps empty ones`() {
        #expect(ByteText.list(Array("a\0\0b c\0".utf8)) == ["a", "", "b c"])
        #expect(ByteText.list(Array("a\0b".utf8)) == ["a", "b"])
        #expect(ByteText.list([]) == [])
    }

    private func line(_ name: String) -> String {
        "4711 (\(name)) S 1 4711 4711 0 -1 4194304 1 0 0 0 1 2 0 0 20 0 1 0 123456 2326528 500 184467440737095516 1 1 0\n"
    }

    @Test func `Limits are read as prlimit tells them`() throws {
        let limits = try #require(ProcFS().facts(of: getpid()).limits)
        for limit in limits {
            var value = rlimit()
            getrlimit(__rlimit_resource_t(UInt32(limit.resource)), &value)
            #expect(limit.soft == value.rlim_cur)
            #expect(limit.hard == value.rlim_max)
        }
        #expect(ResourceLimit.list(parsing: Array("Limit  Soft Limit\nMax cpu time  half  1  seconds\n".utf8)) == nil)
        #expect(ResourceLimit.list(parsing: []) == nil)
    }
}
