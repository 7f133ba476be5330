import CYAML

/// A YAML document as a tree, with the line of each part, for settings that people write.
///
/// Anchors and aliases are refused: settings have no use for them, and a few lines of them can stand for gigabytes.
indirect enum YAMLNode {
    /// `isPlain`: without quotes, so that `5` may be a number and `"5"` may not.
    case scalar(String, isPlain: Bool, line: Int)
    case sequence([YAMLNode], line: Int)
    case mapping([(key: String, line: Int, value: YAMLNode)], line: Int)

    var line: Int {
        switch self {
        case .scalar(_, _, let line), .sequence(_, let line), .mapping(_, let line): line
        }
    }
}

/// What is wrong with a YAML text.
struct YAMLError: Error {
    var line: Int
    var words: String
}

extension YAMLNode {
    /// Reads one document.
    ///
    /// - Returns: nil for a text without one.
    init?(parsing text: [UInt8]) throws(YAMLError) {
        var reader = YAMLReader(text)
        defer { reader.end() }
        guard let node = try reader.document() else { return nil }
        self = node
    }
}

/// Turns libyaml's events into a tree.
private struct YAMLReader {
    private static let deepest = 32

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeMutableBufferPointer<UInt8>

    init(_ bytes: [UInt8]) {
        parser = .allocate(capacity: 1)
        text = .allocate(capacity: bytes.count)
        _ = text.initialize(from: bytes)
        yaml_parser_initialize(parser)
        // The parser reads from this memory for as long as it lives.
        yaml_parser_set_input_string(parser, text.baseAddress, text.count)
    }

    func end() {
        yaml_parser_delete(parser)
        parser.deallocate()
        text.deallocate()
    }

    mutating func document() throws(YAMLError) -> YAMLNode? {
        _ = try next()  // the stream's start
        guard case .documentStart = try next() else { return nil }
        let root = try node(try next(), depth: 0)
        _ = try next()  // the document's end
        guard case .streamEnd = try next() else {
            throw YAMLError(line: root.line, words: "more than one document ('---')")
        }
        return root
    }

    private enum Event {
        case documentStart, streamEnd, sequenceEnd, mappingEnd, other
        case alias(line: Int)
        case anchor(line: Int)
        case scalar(String, isPlain: Bool, line: Int)
        case sequenceStart(line: Int)
        case mappingStart(line: Int)
    }

    private mutating func node(_ event: Event, depth: Int) throws(YAMLError) -> YAMLNode {
        switch event {
        case .scalar(let value, let isPlain, let line):
            return .scalar(value, isPlain: isPlain, line: line)
        case .sequenceStart(let line):
            try check(depth, line)
            var items: [YAMLNode] = []
            while true {
                let item = try next()
                if case .sequenceEnd = item { return .sequence(items, line: line) }
                items.append(try node(item, depth: depth + 1))
            }
        case .mappingStart(let line):
            try check(depth, line)
            var members: [(key: String, line: Int, value: YAMLNode)] = []
            var keys: Set<String> = []
            while true {
                switch try next() {
                case .mappingEnd: return .mapping(members, line: line)
                case .scalar(let key, _, let line):
                    guard keys.insert(key).inserted else {
                        throw YAMLError(line: line, words: "'\(key)' stands there twice")
                    }
                    members.append((key, line, try node(try next(), depth: depth + 1)))
                case .alias(let line): throw YAMLError(line: line, words: "aliases (*name) are not taken")
                case .anchor(let line): throw YAMLError(line: line, words: "anchors (&name) are not taken")
                case .documentStart, .streamEnd, .sequenceEnd, .sequenceStart, .mappingStart, .other:
                    throw YAMLError(line: line, words: "a key that is not a text")
                }
            }
        case .alias(let line): throw YAMLError(line: line, words: "aliases (*name) are not taken")
        case .anchor(let line): throw YAMLError(line: line, words: "anchors (&name) are not taken")
        case .documentStart, .streamEnd, .sequenceEnd, .mappingEnd, .other:
            throw YAMLError(line: 1, words: "not readable")
        }
    }

    private func check(_ depth: Int, _ line: Int) throws(YAMLError) {
        guard depth < Self.deepest else { throw YAMLError(line: line, words: "nested too deeply") }
    }

    private mutating func next() throws(YAMLError) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else {
            let problem = parser.pointee.problem.map { String(cString: $0) } ?? "not readable"
            throw YAMLError(line: Int(parser.pointee.problem_mark.line) + 1, words: problem)
        }
        defer { yaml_event_delete(&event) }
        let line = Int(event.start_mark.line) + 1
        switch event.type {
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_STREAM_END_EVENT: return .streamEnd
        case YAML_SCALAR_EVENT where event.data.scalar.anchor != nil,
            YAML_SEQUENCE_START_EVENT where event.data.sequence_start.anchor != nil,
            YAML_MAPPING_START_EVENT where event.data.mapping_start.anchor != nil:
            return .anchor(line: line)
        case YAML_SEQUENCE_START_EVENT: return .sequenceStart(line: line)
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_START_EVENT: return .mappingStart(line: line)
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        case YAML_ALIAS_EVENT: return .alias(line: line)
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return .scalar(
                String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, line: line)
        default: return .other
        }
    }
}
