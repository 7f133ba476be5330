/// What somebody may have meant who mistyped a name.
enum Spelling {
    /// The known name that is nearest; nil when none is near: at most a third of the longer of the two is wrong, or one
    /// is the beginning of the other.
    static func nearest(to name: String, in known: [String]) -> String? {
        // What is that long is no slip, and comparing it takes time.
        guard name.count <= 60 else { return nil }
        let near = known.map { (name: $0, distance: distance(from: $0, to: name)) }
            .filter { candidate in
                let longer = max(candidate.name.count, name.count)
                let isBeginning =
                    min(candidate.name.count, name.count) >= 3
                    && (candidate.name.hasPrefix(name) || name.hasPrefix(candidate.name))
                return isBeginning || candidate.distance <= max(1, longer / 3)
            }
        return near.min { $0.distance < $1.distance }?.name
    }

    /// How many letters must be changed, added, left out or swapped with their neighbour to get from one to the other
    /// (Damerau and Levenshtein, each letter touched once).
    static func distance(from first: String, to second: String) -> Int {
        let (source, target) = (Array(first), Array(second))
        // The rows of the table for the letter before last, the last and the present one.
        var before: [Int] = []
        var last = Array(0...target.count)
        for line in source.indices {
            var row = [line + 1]
            for column in target.indices {
                let isEqual = source[line] == target[column]
                var least = min(last[column] + (isEqual ? 0 : 1), last[column + 1] + 1, row[column] + 1)
                if line > 0, column > 0, source[line] == target[column - 1], source[line - 1] == target[column] {
                    least = min(least, before[column - 1] + 1)
                }
                row.append(least)
            }
            (before, last) = (last, row)
        }
        return last.last ?? 0
    }
}
