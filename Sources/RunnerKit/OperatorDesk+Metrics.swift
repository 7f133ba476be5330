import ServerLink
import SystemSupport
import WireProtocol

// What can be measured of a runner, for Prometheus.
extension OperatorDesk {
    /// All metrics, as text.
    package func metrics() async -> String {
        let status = await status()
        let standing = await heartbeats.standing
        var text = MetricsText()
        text.add(
            "clevagent_runner_info", .gauge, "The runner, as labels.", 1,
            labels: [("version", status.runner.version), ("runner_id", status.runner.id)])
        text.add(
            "clevagent_undelivered_changes", .gauge, "State changes that the server has not taken yet.",
            Double(status.runner.undelivered))
        if let last = status.runner.lastHeartbeatAt {
            text.add(
                "clevagent_last_heartbeat_timestamp_seconds", .gauge, "When the server last took a heartbeat.",
                last.seconds)
        }
        text.add(
            "clevagent_delivery_seconds", "From a state change to the server's taking it.", standing.deliveries)
        tell(status.targets, in: &text)
        tell(board.counts, in: &text)
        if let reload = status.runner.reload {
            text.add(
                "clevagent_reload_success", .gauge, "Whether the settings as they were read last are in force.",
                reload.ok ? 1 : 0)
            text.add(
                "clevagent_reload_timestamp_seconds", .gauge, "When the settings were read last.", reload.at.seconds)
        }
        tell(ProcessFigures.own, status.runner.startedAt, in: &text)
        return text.text
    }

    private func tell(_ targets: [RunnerStatus.Target], in text: inout MetricsText) {
        text.begin(
            "clevagent_target_state", .gauge, "1 for where the supervision of the target stands, 0 for the others.")
        for target in targets {
            for state in TargetState.allCases {
                text.sample(
                    "clevagent_target_state",
                    [("target", target.target), ("agent", target.agent), ("state", state.rawValue)],
                    target.state == state ? 1 : 0)
            }
        }
        let gauges: [(String, String, (RunnerStatus.Target) -> Double?)] = [
            ("clevagent_target_paused", "Whether nothing is restarted by policy.", { $0.pause == nil ? 0 : 1 }),
            ("clevagent_target_memory_bytes", "What the target has of memory.", { $0.memoryMB.map { $0 * 1_048_576 } }),
            (
                "clevagent_target_since_timestamp_seconds", "When the life that is up, or the state, began.",
                { $0.since.seconds }
            ),
        ]
        for (name, help, value) in gauges {
            text.begin(name, .gauge, help)
            for target in targets {
                if let value = value(target) { text.sample(name, [("target", target.target)], value) }
            }
        }
    }

    private func tell(_ counts: StatusBoard.Counts, in text: inout MetricsText) {
        text.begin("clevagent_target_events_total", .counter, "What happened to the target, by kind.")
        for (key, count) in counts.events.sorted(by: { $0.key < $1.key }) {
            text.sample("clevagent_target_events_total", [("target", key.target), ("kind", key.kind)], Double(count))
        }
        text.begin("clevagent_commands_total", .counter, "Commands of the server and of operators, by how they ended.")
        for (status, count) in counts.commands.sorted(by: { $0.key < $1.key }) {
            text.sample("clevagent_commands_total", [("status", status)], Double(count))
        }
    }

    private func tell(_ own: ProcessFigures?, _ started: WireTime, in text: inout MetricsText) {
        text.add("process_start_time_seconds", .gauge, "When the runner began its work.", started.seconds)
        guard let own else { return }
        text.add("process_cpu_seconds_total", .counter, "Processor time.", own.cpuSeconds)
        text.add("process_resident_memory_bytes", .gauge, "Memory in use.", Double(own.residentBytes))
        text.add("process_open_fds", .gauge, "Open file descriptors.", Double(own.descriptors))
        text.add("process_max_fds", .gauge, "How many there may be.", Double(own.descriptorLimit))
        text.add("process_threads", .gauge, "Threads.", Double(own.threads))
    }
}

extension WireTime {
    fileprivate var seconds: Double { Double(millisecondsSince1970) / 1000 }
}
