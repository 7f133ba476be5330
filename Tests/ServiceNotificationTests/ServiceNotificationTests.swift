import Glibc
import InMemoryLogging
import Logging
import ServiceNotification
import SystemPackage
import TestSupport
import Testing

/// What a service manager hears, at a real socket.
@Suite(.timeLimit(.minutes(1))) struct ServiceNotificationTests {
    @Test func statesArriveTogetherAndALineEach() async throws {
        let manager = try StandInManager()
        let notification = try #require(ServiceNotification(environment: manager.environment, processID: 7))
        try notification.send([.ready, .status("Watching 3\ntargets")])
        #expect(await manager.receive() == "READY=1\nSTATUS=Watching 3 targets")
        try notification.send([.stopping])
        #expect(await manager.receive() == "STOPPING=1")
    }

    @Test func anAbstractSocketIsOneToo() async throws {
        let manager = try StandInManager(isAbstract: true)
        let notification = try #require(ServiceNotification(environment: manager.environment, processID: 7))
        try notification.send([.watchdog])
        #expect(await manager.receive() == "WATCHDOG=1")
    }

    @Test(
        arguments: [
            ["WATCHDOG_USEC": "30000000"], ["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"],
        ])
    func theWatchdogIsOurs(variables: [String: String]) throws {
        let environment = variables.merging(["NOTIFY_SOCKET": "/run/x"]) { $1 }
        let notification = try #require(ServiceNotification(environment: environment, processID: 7))
        #expect(notification.watchdog == .seconds(30))
    }

    @Test(
        arguments: [
            [:], ["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"], ["WATCHDOG_USEC": "0"], ["WATCHDOG_USEC": "-5"],
            ["WATCHDOG_USEC": "soon"],
        ])
    func noWatchdogIsOurs(variables: [String: String]) throws {
        let environment = variables.merging(["NOTIFY_SOCKET": "/run/x"]) { $1 }
        let notification = try #require(ServiceNotification(environment: environment, processID: 7))
        #expect(notification.watchdog == nil)
    }

    @Test(arguments: ["", "/", "@", "relative", "vsock:2:3", "/" + String(repeating: "x", count: 108)])
    func whatIsNoSocketOfThisHostIsNoManager(name: String) {
        #expect(ServiceNotification(environment: ["NOTIFY_SOCKET": name], processID: 7) == nil)
    }

    @Test func aManagerThatIsGoneIsAnError() throws {
        let notification = try #require(
            ServiceNotification(environment: ["NOTIFY_SOCKET": "/nonexistent/socket"], processID: 7))
        #expect(throws: Errno.noSuchFileOrDirectory) { try notification.send([.ready]) }
    }
}
