import FoundationEssentials
import Glibc

/// Draws what ours uses against the number of targets, both axes logarithmic, as SVG text.
struct GrowthPlot {
    struct Point: Sendable {
        var targets: Int
        var footprint: Footprint
    }

    struct Series {
        var name: String
        var color: String
        var value: (Footprint) -> Double

        func text(_ footprint: Footprint) -> String { "\(name) \((value(footprint) * 1000).rounded() / 1000)" }
    }

    static var series: [Series] {
        [
            Series(name: "CPU, ms a minute", color: "#c0392b") { $0.cpu.milliseconds },
            Series(name: "own dirty memory, MiB", color: "#2471a3") { Double($0.memory.ownDirty) / 1_048_576 },
            Series(name: "RSS, MiB", color: "#1e8449") { Double($0.memory.resident) / 1_048_576 },
        ]
    }

    var points: [Point]
    var caption: String

    // The area within the axes, in pixels.
    private let left = 70.0
    private let top = 50.0
    private let width = 480.0
    private let height = 320.0

    private var decades: ClosedRange<Int> {
        let values = points.flatMap { point in Self.series.map { $0.value(point.footprint) } }.filter { $0 > 0 }
        let lowest = values.min().map { Int(log10($0).rounded(.down)) } ?? 0
        let highest = values.max().map { Int(log10($0).rounded(.up)) } ?? 1
        return lowest...max(highest, lowest + 1)
    }

    private var targetDecades: Int { max(points.map { Int(log10(Double($0.targets)).rounded(.up)) }.max() ?? 1, 1) }

    var text: String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 580 470" font-family="sans-serif" font-size="12">
        <rect width="580" height="470" fill="white"/>
        <text x="\(left)" y="24" font-size="15">What clevagent-runner uses, by number of targets</text>
        <text x="\(left)" y="41" fill="#666">\(escaped(caption))</text>
        \((grid + Self.series.enumerated().flatMap(drawn)).joined(separator: "\n"))
        <text x="\(left + width / 2)" y="\(top + height + 38)" text-anchor="middle">targets</text>
        </svg>

        """
    }

    // MARK: Parts

    private var grid: [String] {
        let rows = decades.map { decade in
            line(left, y(decade: Double(decade)), left + width, y(decade: Double(decade)))
                + label(power(decade), left - 8, y(decade: Double(decade)) + 4, anchor: "end")
        }
        let columns = (0...targetDecades).map { decade in
            line(x(decade: Double(decade)), top, x(decade: Double(decade)), top + height)
                + label(power(decade), x(decade: Double(decade)), top + height + 18, anchor: "middle")
        }
        return rows + columns
    }

    private func drawn(_ index: Int, _ series: Series) -> [String] {
        let places = points.map { point in
            (
                x: x(decade: log10(Double(point.targets))),
                y: y(decade: log10(max(series.value(point.footprint), 1e-6)))
            )
        }
        let path = places.map { "\(rounded($0.x)),\(rounded($0.y))" }.joined(separator: " ")
        let legend = left + Double(index) * 165
        return [
            "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(series.color)\" stroke-width=\"2\"/>",
            places.map {
                "<circle cx=\"\(rounded($0.x))\" cy=\"\(rounded($0.y))\" r=\"3.5\" fill=\"\(series.color)\"/>"
            }.joined(),
            "<rect x=\"\(legend)\" y=\"438\" width=\"14\" height=\"4\" fill=\"\(series.color)\"/>"
                + label(series.name, legend + 20, 445, anchor: "start"),
        ]
    }

    private func x(decade: Double) -> Double { left + width * decade / Double(targetDecades) }

    private func y(decade: Double) -> Double {
        let share = (decade - Double(decades.lowerBound)) / Double(decades.upperBound - decades.lowerBound)
        return top + height * (1 - share)
    }

    private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
        "<path d=\"M\(rounded(x1)) \(rounded(y1))L\(rounded(x2)) \(rounded(y2))\" stroke=\"#ddd\"/>"
    }

    private func label(_ text: String, _ x: Double, _ y: Double, anchor: String) -> String {
        "<text x=\"\(rounded(x))\" y=\"\(rounded(y))\" text-anchor=\"\(anchor)\">\(escaped(text))</text>"
    }

    private func power(_ decade: Int) -> String {
        decade < 0
            ? "0." + String(repeating: "0", count: -decade - 1) + "1" : "1" + String(repeating: "0", count: decade)
    }

    private func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }
}
