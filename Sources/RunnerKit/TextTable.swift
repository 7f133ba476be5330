/// Rows of texts as columns, for people.
package enum TextTable {
    /// A line for each row, each column as wide as its widest cell; nothing of a cell moves the cursor.
    package static func lines(_ rows: [[String]]) -> [String] {
        let cells = rows.map { $0.map(ConfigurationProblem.oneLine) }
        let columns = cells.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in cells.map { $0.dropFirst(column).first?.count ?? 0 }.max() ?? 0 }
        return cells.map { row in
            let line = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            return String(line.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }
    }
}
