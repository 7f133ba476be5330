import Testing

@Suite struct SoakVerdictTests {
    private func death(_ agent: String, _ pid: Int32) -> BuiltServer.Events.Event {
        .init(id: 1, agent: agent, kind: "died", message: "died \(pid)", data: .init(pid: pid))
    }

    private func end(_ agent: String, _ kind: String) -> BuiltServer.Events.Event {
        .init(id: 1, agent: agent, kind: kind, message: nil, data: nil)
    }

    @Test func deathsAsTheyWereAreNoFault() {
        #expect(SoakVerdict.deaths(["a": [1, 2]], told: [death("a", 1), end("a", "started"), death("a", 2)]) == [])
    }

    @Test(arguments: [
        (told: [1, 2], fault: "a: 3 killed, 2 told, different from number 3: nothing"),
        (told: [1, 3, 2], fault: "a: 3 killed, 3 told, different from number 2: died 3"),
        (told: [1, 2, 3, 3], fault: "a: 3 killed, 4 told, different from number 4: died 3"),
        (told: [], fault: "a: 3 killed, 0 told, different from number 1: nothing"),
    ])
    func anyOtherTellingIsNamedInALine(told: [Int32], fault: String) {
        #expect(SoakVerdict.deaths(["a": [1, 2, 3]], told: told.map { death("a", $0) }) == [fault])
    }

    @Test func aDeathOfOneWhomNobodyKilledIsAFault() {
        #expect(
            SoakVerdict.deaths([:], told: [death("b", 7)]) == ["b: 0 killed, 1 told, different from number 1: died 7"])
    }

    @Test func commandsEndOnceEachAndARestartIsALife() {
        let orders = ["restart", "stop", "restart"].map { Soak.Order(target: "a", action: $0) }
        let told = Array(repeating: end("a", "command_completed"), count: 3)
        #expect(SoakVerdict.commands(orders, told: told) { _ in 3 } == [])
        #expect(SoakVerdict.commands(orders, told: told) { _ in 4 } == ["a: 4 lives, 3 wanted"])
        #expect(
            SoakVerdict.commands(orders, told: Array(told.dropLast()) + [end("a", "command_failed")]) { _ in 3 }
                == ["a: 3 commands, 2 completed"])
    }
}
