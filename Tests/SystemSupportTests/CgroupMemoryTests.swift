import FoundationEssentials
import SystemPackage
import SystemSupport
import Testing

@Suite struct CgroupMemoryTests {
    @Test(arguments: [
        ("", "memory.current", "inactive_file"), ("unified/", "memory.current", "inactive_file"),
        ("memory/", "memory.usage_in_bytes", "total_inactive_file"),
    ])
    func `Memory is what is used without what would be dropped first`(
        hierarchy: String, usage: String, cache: String
    ) throws {
        let root = "/tmp/clevagent-cgroup-\(UInt32.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let directory = "\(root)/\(hierarchy)system.slice/bot.service"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data("10485760\n".utf8).write(to: URL(filePath: "\(directory)/\(usage)"))
        #expect(CgroupMemory.megabytes(path: "/system.slice/bot.service", root: FilePath(root)) == 10)
        try Data("anon 5\nactive_file 1048576\n\(cache) 2097152\n".utf8)
            .write(to: URL(filePath: "\(directory)/memory.stat"))
        #expect(CgroupMemory.megabytes(path: "/system.slice/bot.service", root: FilePath(root)) == 8)
        #expect(CgroupMemory.megabytes(path: "/system.slice/none.service", root: FilePath(root)) == nil)
        #expect(CgroupMemory.megabytes(path: "/../\(root)", root: FilePath(root)) == nil)
        #expect(CgroupMemory.megabytes(path: "", root: FilePath(root)) == nil)
    }

    @Test(
        arguments: [
            ("0::/a/b\n", "/a/b"), ("4:memory:/m\n1:name=systemd:/s\n0::/u\n", "/m"),
            ("3:cpu,memory:/x:y\n", "/x:y"), ("1:name=systemd:/s\n", nil), ("", nil), ("garbage\n::\n", nil),
        ] as [(String, String?)])
    func `The cgroup with the memory is found`(membership: String, path: String?) {
        #expect(CgroupMemory.path(inMembership: membership) == path)
    }
}
