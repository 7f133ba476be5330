/// What was typed, before anything of it is believed: flags as texts, so that all that is wrong is told at once.
package struct RunnerOptions: Sendable {
    package var apiKey: String?
    package var apiKeyFile: String?
    package var watch: [String] = []
    package var endpoint: String?
    package var heartbeatInterval: String?
    package var logLevel: String?
    package var logFormat: String?
    package var restartPolicy: String?
    package var config: String?
    package var stateDirectory: String?
    package var caFile: String?
    package var dockerCommand: String?
    package var systemdScope: String?
    package var allowHTTP = false
    package var controlSocket: String?
    package var controlGroup: String?
    package var metricsListen: String?
    package var logTail: String?

    package init() {}
}
