/// What goes wrong, or is done by people.
enum Fault: String, CaseIterable {
    // Targets
    case crashes, exits, crashLoops, startFailures, unhealthy, doubt, ownSupervisor
    case personStops, personStarts, personRestarts, personPauses
    // Hosts
    case engineAway, reboots, powerCuts, suspend, wallSteps, diskFull, diskErrors
    // Runners
    case runnerKilled, runnerStopped
    // The way
    case cuts, loss, slowness, doubles, hangs
    // The server
    case serverCrashes, refusals, nonsense, poison, storeFailures, serverWallSteps, serverSuspend
    // Operators
    case commands, conflicts, strays

    /// How often it comes, on the average.
    var every: Moment {
        switch self {
        case .crashes: .minutes(6)
        case .exits, .personStarts, .personRestarts, .commands: .minutes(10)
        case .personStops: .minutes(12)
        case .runnerKilled, .unhealthy: .minutes(15)
        case .personPauses, .conflicts, .doubt, .ownSupervisor, .loss: .minutes(20)
        case .crashLoops, .startFailures, .engineAway, .cuts, .slowness, .doubles, .hangs, .serverCrashes: .minutes(40)
        case .runnerStopped, .refusals, .nonsense, .poison, .storeFailures, .strays, .diskErrors: .minutes(50)
        case .reboots, .powerCuts, .suspend, .wallSteps, .diskFull, .serverWallSteps, .serverSuspend: .minutes(80)
        }
    }
}
