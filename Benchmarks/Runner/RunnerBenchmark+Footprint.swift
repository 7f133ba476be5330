import FoundationEssentials
import Glibc

extension RunnerBenchmark {
    /// Measures all with 1, 100 and 1,000 targets, and makes the table's rows of it.
    func measureFootprint(_ bench: Bench, _ progress: Progress) async throws -> [Row] {
        var rows: [Row] = []
        for (count, limit) in [(1, 0.01), (100, 0.03), (1000, 0.15)] {
            progress.say("measuring the footprint with \(count) targets")
            let footprints = try await bench.footprints(targets: count)
            rows.append(
                row("CPU a minute, \(count) targets", footprints, .amountAtMost(limit, .seconds)) {
                    .amount($0.cpu.milliseconds / 1000, .seconds)
                })
            progress.say("CPU: ours \(footprints.ours.cpu.shortText)")
            if count == 1 { rows += switchRows(footprints) }
            if count == 1000 { rows += memoryRows(footprints) }
        }
        let size = try Self.size(of: runner)
        rows.append(
            Row(
                title: "size of the program", ours: size, python: .none("scripts"),
                monit: try bench.monit.map { try Self.size(of: $0.program) }, bar: .amountAtMost(30, .megabytes)))
        return rows
    }

    /// Measures ours alone with more and more targets, and draws it.
    func measureGrowth(_ bench: Bench, into path: String) async throws {
        let progress = Progress()
        var points: [GrowthPlot.Point] = []
        // One after the other: whoever looks through /proc pays for the targets of its neighbour, too.
        for count in [1, 10, 100, 1000, 10_000] {
            let point = GrowthPlot.Point(targets: count, footprint: try await bench.footprintOfOurs(targets: count))
            points.append(point)
            let figures = GrowthPlot.series.map { $0.text(point.footprint) }.joined(separator: ", ")
            progress.say("\(count) targets: " + figures)
        }
        try Data(GrowthPlot(points: points, caption: machine).text.utf8).write(to: URL(filePath: path))
    }

    // MARK: Rows

    private func switchRows(_ footprints: Footprints) -> [Row] {
        [
            row("voluntary context switches a minute, 1 target", footprints, .atMost(30)) { .count($0.switches.all) },
            row("… beside what is sent and answered", footprints, .atMost(6)) { .count($0.switches.idle) },
        ]
    }

    private func memoryRows(_ footprints: Footprints) -> [Row] {
        func own(_ footprint: Footprint) -> Figure { mebibytes(footprint.memory.ownDirty) }
        let python = footprints.python.map(own)
        return [
            row("own dirty memory, 1000 targets", footprints, .amountAtMost(8, .mebibytes, halfOf: python), own),
            row("RSS (PSS), 1000 targets", footprints, .amountAtMost(28, .mebibytes)) {
                mebibytes($0.memory.resident, beside: mebibytes($0.memory.proportional).text)
            },
            row("threads, 1000 targets", footprints, .atMost(6)) { .count($0.threads) },
        ]
    }

    private func row(_ title: String, _ footprints: Footprints, _ bar: Bar, _ figure: (Footprint) -> Figure) -> Row {
        Row(
            title: title, ours: figure(footprints.ours), tls: footprints.oursOverTLS.map(figure),
            python: footprints.python.map(figure) ?? .none("not there"),
            monit: footprints.monit.map(figure) ?? .none("not installed"), bar: bar)
    }

    private func mebibytes(_ bytes: Int, beside: String? = nil) -> Figure {
        .amount(Double(bytes) / 1_048_576, .mebibytes, beside: beside)
    }

    private static func size(of program: String) throws -> Figure {
        var status = stat()
        guard stat(program, &status) == 0 else { throw BenchmarkError.cannotRead(program) }
        return .amount(Double(status.st_size) / 1e6, .megabytes)
    }
}
