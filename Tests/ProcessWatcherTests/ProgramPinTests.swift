import ProcessWatcher
import SystemSupport
import Testing

@Suite struct ProgramPinTests {
    @Test(arguments: [
        ("/usr/bin/python3.11", ["python3", "-u", "bot.py", "--fast"], "bot.py"),
        ("/usr/bin/python3.11", ["python3", "-c", "import time", "bot.py"], "import time"),
        ("/usr/bin/node", ["node", "app.js"], "app.js"), ("/bin/dash", ["sh", "-c", "x; y"], "x; y"),
        ("/usr/bin/python3", ["python3", "-i"], ""), ("/usr/bin/tail", ["tail", "-f", "/dev/null"], ""),
        ("/opt/pythonic", ["pythonic", "x"], ""), ("", ["python3", "bot.py"], ""),
    ])
    func `Of an interpreter it counts what it runs`(executable: String, arguments: [String], script: String) {
        let pin = ProgramPin(
            users: [1], executable: executable.isEmpty ? nil : ByteText(executable),
            arguments: arguments.map { ByteText($0) })
        #expect((pin.script?.description ?? "") == script)
        #expect(pin.title.description == arguments.first)
    }

    @Test func `Two programs in one language are not alike, and one with other options is`() {
        func pin(_ arguments: String...) -> ProgramPin {
            ProgramPin(users: [0], executable: "/usr/bin/python3.11", arguments: arguments.map { ByteText($0) })
        }
        #expect(pin("python3", "bot.py") != pin("python3", "tool.py", "bot.py"))
        #expect(pin("python3", "bot.py") == pin("python3", "-u", "bot.py", "--fast"))
    }
}
