/// A number that stays the same for the same bytes, in every run and on every machine: FNV-1a, 64 bits
/// (draft-eastlake-fnv). For telling names apart, not for secrets.
package struct StableHash: Sendable, Hashable {
    package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    package init() {}

    package init(of text: String) {
        add(text.utf8)
    }

    package mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
}
