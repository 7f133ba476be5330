import Supervision

extension TargetID {
    /// The name of a file about this target: one that a person can tell, and that no two targets share.
    func fileName(_ suffix: String) -> String {
        let text = description
        let plain = text.utf8.suffix(60).map { byte -> String in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."):
                String(UnicodeScalar(byte))
            default: "_"
            }
        }
        return "\(plain.joined())-\(String(StableHash(of: text).value, radix: 16)).\(suffix)"
    }
}
