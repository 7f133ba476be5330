package import SystemSupport

/// What came of `launchctl print SERVICE`.
package enum LaunchctlAnswer: Sendable, Hashable {
    case loaded(LaunchctlPrint)
    /// launchd does not know the service in that domain.
    case notLoaded
    /// launchd could not be asked, or said what is not understood.
    case unclear(String)

    /// launchd has told how things are.
    var isClear: Bool { if case .unclear = self { false } else { true } }

    var isRunning: Bool { if case .loaded(let facts) = self { facts.pid != nil } else { false } }

    /// The exit status of a service that could not be found.
    private static let noSuchService: Int32 = 113

    package init(_ result: ProgramResult) {
        let words =
            String(decoding: result.errorOutput.prefix(300), as: UTF8.self)
            .split(whereSeparator: \.isNewline).first.map { $0.trimmed } ?? ""
        switch result.end {
        case .exited(0):
            self =
                LaunchctlPrint(parsing: result.output).map(Self.loaded) ?? .unclear("launchctl print is not understood")
        case .exited(Self.noSuchService) where words.isEmpty, .exited(_) where words.contains("Could not find service"):
            self = .notLoaded
        case .exited(let code):
            self = .unclear("launchctl print failed with \(code)" + (words.isEmpty ? "" : ": \(words)"))
        case .signalled(let signal): self = .unclear("launchctl print was ended by signal \(signal)")
        case .notStarted(let reason): self = .unclear("launchctl can't be run: \(reason)")
        case .timedOut: self = .unclear("launchctl does not answer")
        case .tooMuchOutput: self = .unclear("launchctl print writes without end")
        case .cancelled: self = .unclear("launchctl was given up")
        }
    }
}

/// Which services of a domain are disabled, from `launchctl print-disabled DOMAIN`.
package enum LaunchctlDisabled {
    package static func holds(_ label: String, in output: [UInt8]) -> Bool {
        String(decoding: output.prefix(1 << 20), as: UTF8.self).split(whereSeparator: \.isNewline).contains { line in
            let parts = line.split(separator: "=>").map(\.trimmed)
            // Older systems say `true`.
            return parts.count == 2 && parts.first == "\"\(label)\""[...]
                && ["disabled", "true"].contains(parts.last ?? "")
        }
    }
}
