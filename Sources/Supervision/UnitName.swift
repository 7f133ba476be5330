/// A unit's name as systemd wants it: with a suffix.
package enum UnitName {
    private static let suffixes: Set<Substring> = [
        "service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope",
    ]

    /// Adds `.service` to a name without the suffix of a type (systemctl(1)).
    package static func complete(_ name: String) -> String {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count > 1, let last = parts.last, suffixes.contains(last) else { return name + ".service" }
        return name
    }

    /// What to write in the place of a template without an instance, which is no unit; nil for all else
    /// (systemd.unit(5)).
    package static func instance(of name: String) -> String? {
        let unit = complete(name)
        guard let at = unit.firstIndex(of: "@"), unit[unit.index(after: at)...].first == "." else { return nil }
        return unit[...at] + "NAME" + unit[unit.index(after: at)...]
    }
}
