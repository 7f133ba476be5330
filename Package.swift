// swift-tools-version: 6.2
import PackageDescription

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let dequeModule: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting: Target.Dependency = .product(name: "HummingbirdTesting", package: "hummingbird")
let hummingbirdTLS: Target.Dependency = .product(name: "HummingbirdTLS", package: "hummingbird")
let heapModule: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let inMemoryLogging: Target.Dependency = .product(name: "InMemoryLogging", package: "swift-log")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let mustache: Target.Dependency = .product(name: "Mustache", package: "swift-mustache")
let nioConcurrencyHelpers: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes: Target.Dependency = .product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let serviceLifecycleTestKit: Target.Dependency = .product(
    name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

// A program exports nothing and finds itself at any address: no names of symbols, and relocations in a few bytes each
// (DT_RELR, glibc 2.36; lld, which comes with Swift, writes them). Five of 34 megabytes.
let shippedLinking: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-use-ld=lld", "-Xlinker", "--no-export-dynamic", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
            "-Xlinker", "--icf=safe",
        ], .when(platforms: [.linux], configuration: .release))
]

let package = Package(
    name: "clevagent",
    products: [
        // Loaded into programs that tests start, and so files of their own: one has them end at a given step, the other shows
        // them another time of day. The programs are products by themselves.
        .library(name: "crash-points", type: .dynamic, targets: ["crash-points"]),
        .library(name: "clock-steps", type: .dynamic, targets: ["clock-steps"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // What runner, server and SDKs say to each other.
        .target(name: "WireProtocol"),

        // What both programs are made with.
        .target(name: "CStandardDescriptors"),
        .target(
            name: "ProgramLog", dependencies: [logging, nioConcurrencyHelpers, nioCore, nioPosix, systemPackage]),
        .target(name: "ServiceNotification", dependencies: [logging, serviceLifecycle, systemPackage]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(name: "Gzip", dependencies: ["CZlib"]),

        // The runner: pure decisions, the contract of watchers, the world, the wiring.
        .target(name: "Supervision", dependencies: ["WireProtocol"]),
        .target(name: "CPlatformShims"),
        .target(
            name: "SystemSupport",
            dependencies: [
                "CPlatformShims", "Supervision", dequeModule, heapModule, nioConcurrencyHelpers, nioCore, systemPackage,
            ]),
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .target(
            name: "SystemdSupport",
            dependencies: ["CSystemd", "SystemSupport", dequeModule, nioPosix, systemPackage]),
        .target(name: "WatcherAPI", dependencies: ["Supervision", logging]),
        .target(
            name: "ProcessWatcher",
            dependencies: [
                "Supervision", "SystemSupport", "SystemdSupport", "WatcherAPI", logging, nioConcurrencyHelpers,
                systemPackage,
            ],
            path: "Sources/Watchers/Process"),
        .target(
            name: "DockerWatcher",
            dependencies: ["Supervision", "SystemSupport", "WatcherAPI", "WireProtocol", logging, systemPackage],
            path: "Sources/Watchers/Docker"),
        .target(
            name: "SystemdWatcher",
            dependencies: [
                "Supervision", "SystemSupport", "SystemdSupport", "WatcherAPI", logging, nioConcurrencyHelpers,
                systemPackage,
            ],
            path: "Sources/Watchers/Systemd"),
        .target(
            name: "LaunchdWatcher",
            dependencies: ["Supervision", "SystemSupport", "WatcherAPI", logging, systemPackage],
            path: "Sources/Watchers/Launchd"),
        .target(
            name: "ServerLink",
            dependencies: [
                "Gzip", "Supervision", "SystemSupport", "WireProtocol", asyncHTTPClient, logging, nioConcurrencyHelpers,
                nioCore, nioHTTP1, nioPosix, nioSSL, serviceLifecycle,
            ]),
        .systemLibrary(
            name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),
        .target(
            name: "RunnerKit",
            dependencies: [
                "CYAML", "Gzip", "ServerLink", "ServiceNotification", "Supervision", "SystemSupport", "WatcherAPI",
                "WireProtocol", dequeModule, logging, nioConcurrencyHelpers, nioCore, serviceLifecycle, systemPackage,
            ]),
        .target(
            name: "ControlSocket",
            dependencies: [
                "RunnerKit", "Supervision", "SystemSupport", "WireProtocol", asyncHTTPClient, httpTypes,
                hummingbirdCore, logging, nioCore, nioHTTP1, nioPosix, serviceLifecycle, systemPackage,
            ]),
        .executableTarget(
            name: "clevagent-runner",
            dependencies: [
                "CStandardDescriptors", "ControlSocket", "DockerWatcher", "ProcessWatcher", "ProgramLog", "RunnerKit",
                "ServerLink",
                "ServiceNotification", "Supervision", "SystemSupport", "SystemdSupport", "SystemdWatcher", "WatcherAPI",
                argumentParser, logging, nioConcurrencyHelpers, nioCore,
                nioPosix, serviceLifecycle, systemPackage,
                .target(name: "LaunchdWatcher", condition: .when(platforms: [.macOS])),
            ],
            linkerSettings: shippedLinking),

        // The server: pure rules, the store, HTTP.
        .target(
            name: "ServerDomain",
            dependencies: ["WireProtocol", crypto, logging, nioConcurrencyHelpers, serviceLifecycle]),
        .target(name: "StoreSQLite", dependencies: ["ServerDomain", "WireProtocol", grdb, logging]),
        .target(
            name: "ServerHTTP",
            dependencies: [
                "Gzip", "ServerDomain", "WireProtocol", hummingbird, httpTypes, logging, mustache,
                nioConcurrencyHelpers, nioCore, nioHTTP1, nioHTTPTypes, serviceLifecycle,
            ],
            // Inside the program: one binary, nothing to install beside it.
            resources: [.embedInCode("Dashboard/Assets")]),
        .executableTarget(
            name: "clevagent-server",
            dependencies: [
                "CStandardDescriptors", "ProgramLog", "ServerDomain", "ServerHTTP", "ServiceNotification",
                "StoreSQLite", "WireProtocol", argumentParser, hummingbird, hummingbirdCore, hummingbirdTLS, logging,
                nioCore, nioPosix, nioSSL, serviceLifecycle, systemPackage, unixSignals,
            ]),

        // Tests and measurements.
        .target(
            name: "TestSupport",
            dependencies: [
                "Gzip", "Supervision", "SystemSupport", "WatcherAPI", "WireProtocol", logging, nioConcurrencyHelpers,
                nioCore, nioHTTP1, nioPosix, nioSSL, serviceLifecycle, systemPackage,
            ]),
        // A process for tests to watch.
        .executableTarget(name: "test-target", path: "Tests/Fixtures/test-target"),
        // Stands in for launchctl.
        .executableTarget(name: "launchctl-stand-in", path: "Tests/Fixtures/launchctl-stand-in"),
        // Has a program see another time of day.
        .target(name: "clock-steps", path: "Tests/Fixtures/clock-steps", publicHeadersPath: "."),
        // Tells tests what the kernel says of processes.
        .executableTarget(name: "process-recorder", path: "Tests/Fixtures/process-recorder"),
        // Ends programs at a given step, for tests.
        .target(
            name: "crash-points", path: "Tests/Fixtures/crash-points", publicHeadersPath: ".",
            linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        // Made-up inputs for parsers.
        .target(
            name: "FuzzSupport",
            dependencies: [
                "DockerWatcher", "LaunchdWatcher", "ProcessWatcher", "Supervision", "SystemSupport", systemPackage,
            ],
            path: "Tests/FuzzSupport", exclude: ["Samples"]),
        .executableTarget(
            name: "parser-fuzz", dependencies: ["FuzzSupport", argumentParser, systemPackage],
            path: "Benchmarks/Fuzz"),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzSupport"]),
        .testTarget(name: "GzipTests", dependencies: ["Gzip"]),
        .testTarget(name: "WireProtocolTests", dependencies: ["WireProtocol"]),
        .testTarget(name: "SupervisionTests", dependencies: ["Supervision"]),
        .testTarget(
            name: "SystemSupportTests",
            dependencies: ["Supervision", "SystemSupport", nioConcurrencyHelpers, systemPackage]),
        .testTarget(name: "SystemdSupportTests", dependencies: ["SystemSupport", "SystemdSupport"]),
        .testTarget(
            name: "ProcessWatcherTests",
            dependencies: [
                "ProcessWatcher", "Supervision", "SystemSupport", "TestSupport", "WatcherAPI", logging,
                nioConcurrencyHelpers, systemPackage,
            ]),
        .testTarget(
            name: "DockerWatcherTests",
            dependencies: [
                "DockerWatcher", "Supervision", "SystemSupport", "TestSupport", "WatcherAPI", logging,
                nioConcurrencyHelpers, systemPackage,
            ]),
        .testTarget(
            name: "SystemdWatcherTests",
            dependencies: [
                "CSystemd", "Supervision", "SystemSupport", "SystemdSupport", "SystemdWatcher", "TestSupport",
                "WatcherAPI", logging, nioConcurrencyHelpers, systemPackage,
            ]),
        .testTarget(
            name: "LaunchdWatcherTests",
            dependencies: [
                "LaunchdWatcher", "Supervision", "SystemSupport", "TestSupport", "WatcherAPI", logging, systemPackage,
            ],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "ProgramLogTests",
            dependencies: ["ProgramLog", logging, systemPackage]),
        .testTarget(
            name: "ServiceNotificationTests",
            dependencies: [
                "ServiceNotification", "TestSupport", inMemoryLogging, logging, nioConcurrencyHelpers,
                serviceLifecycleTestKit, systemPackage,
            ]),
        .testTarget(
            name: "ServerLinkTests",
            dependencies: [
                "ServerLink", "Supervision", "SystemSupport", "TestSupport", "WireProtocol", inMemoryLogging, logging,
                nioConcurrencyHelpers, nioCore, nioPosix, serviceLifecycleTestKit,
            ]),
        .testTarget(
            name: "RunnerKitTests",
            dependencies: [
                "RunnerKit", "ServerLink", "Supervision", "SystemSupport", "TestSupport", "WatcherAPI", "WireProtocol",
                inMemoryLogging, logging, nioConcurrencyHelpers, serviceLifecycleTestKit, systemPackage,
            ]),
        .target(
            name: "ServerTestSupport",
            dependencies: ["ServerDomain", "WireProtocol", nioConcurrencyHelpers], path: "Tests/ServerTestSupport"),
        .testTarget(
            name: "ServerDomainTests",
            dependencies: ["ServerDomain", "ServerTestSupport", "WireProtocol", logging, serviceLifecycle]),
        .testTarget(
            name: "StoreSQLiteTests",
            dependencies: ["ServerDomain", "ServerTestSupport", "StoreSQLite", "WireProtocol", grdb, systemPackage]),
        .testTarget(
            name: "ServerHTTPTests",
            dependencies: [
                "Gzip", "ServerDomain", "ServerHTTP", "ServerTestSupport", "StoreSQLite", "WireProtocol", httpTypes,
                hummingbird, hummingbirdTesting, logging, nioCore, serviceLifecycle,
            ]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "RunnerKit", "ServerTestSupport", "Supervision", "SystemSupport", "SystemdSupport", "SystemdWatcher",
                "TestSupport", "WatcherAPI", "WireProtocol", "clevagent-runner", "clevagent-server",
                logging,
                asyncHTTPClient, nioCore, nioHTTP1, nioPosix, systemPackage,
            ]),
        // Runner and server in worlds made up from seeds.
        .executableTarget(
            name: "clevagent-simulation",
            dependencies: [
                "RunnerKit", "ServerDomain", "ServerLink", "Supervision", "SystemSupport", "WatcherAPI", "WireProtocol",
                dequeModule, heapModule, logging, serviceLifecycle, systemPackage,
            ],
            path: "Tests/Simulation", exclude: ["Mutations"]),
        .testTarget(name: "SimulationTests", dependencies: ["TestSupport", "clevagent-simulation"]),
        .executableTarget(
            name: "demo-driver",
            dependencies: [
                "TestSupport", "WireProtocol", argumentParser, asyncHTTPClient, nioConcurrencyHelpers, nioCore,
                nioHTTP1, unixSignals,
            ],
            path: "Examples/Demo"),
        .executableTarget(
            name: "runner-benchmark",
            dependencies: [
                "SystemSupport", "TestSupport", "WireProtocol", argumentParser, nioConcurrencyHelpers, nioCore,
                nioPosix,
                systemPackage, unixSignals,
            ],
            path: "Benchmarks/Runner"),
    ]
)

let sharedSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .treatAllWarnings(as: .error),
]

let withoutSwift = [
    "CPlatformShims", "clock-steps", "crash-points", "launchctl-stand-in", "process-recorder", "test-target",
]

for target in package.targets where target.type != .system && !withoutSwift.contains(target.name) {
    target.swiftSettings = (target.swiftSettings ?? []) + sharedSettings
}
