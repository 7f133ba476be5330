import Gzip
import Testing

@Suite struct GzipTests {
    private static let text = Array(String(repeating: #"{"agent": "bot", "status": "ok"}, "#, count: 500).utf8)

    @Test(arguments: [[], [0], text, (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }])
    func whatIsPackedIsUnpackedAgain(bytes: [UInt8]) throws {
        let packed = try #require(Gzip.pack(bytes))
        // RFC 1952: the two magic bytes, then 8 for deflate.
        #expect(packed.prefix(3) == [0x1F, 0x8B, 8])
        #expect(try Gzip.unpack(packed, upTo: bytes.count) == bytes)
    }

    @Test func repetitionIsPackedAway() throws {
        let packed = try #require(Gzip.pack(Self.text))
        #expect(packed.count < Self.text.count / 50)
    }

    @Test func whatAnotherProgramPackedIsUnpacked() throws {
        // printf '{"ok": true}' | gzip -n
        let packed: [UInt8] = [
            0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xAB, 0x56, 0xCA, 0xCF, 0x56, 0xB2, 0x52, 0x28,
            0x29, 0x2A, 0x4D, 0xAD, 0x05, 0x00, 0xC6, 0x19, 0xAB, 0x17, 0x0C, 0x00, 0x00, 0x00,
        ]
        #expect(try Gzip.unpack(packed, upTo: 100) == Array(#"{"ok": true}"#.utf8))
    }

    @Test func nothingIsMadeBeyondTheLimit() throws {
        let packed = try #require(Gzip.pack(Self.text))
        #expect(try Gzip.unpack(packed, upTo: Self.text.count).count == Self.text.count)
        for limit in [Self.text.count - 1, 1, 0] {
            #expect(throws: GzipError.tooLong) { try Gzip.unpack(packed, upTo: limit) }
        }
    }

    @Test func aGibibyteInAMebibyteIsStoppedEarly() throws {
        let member = try #require(Gzip.pack([UInt8](repeating: 0, count: 16 << 20)))
        let bomb = Array(repeatElement(member, count: 64).joined())
        #expect(bomb.count < 1 << 20)
        #expect(throws: GzipError.tooLong) { try Gzip.unpack(bomb, upTo: 1 << 20) }
    }

    @Test func severalMembersAreOneBody() throws {
        let members = try ["{", "}"].map { try #require(Gzip.pack(Array($0.utf8))) }
        #expect(try Gzip.unpack(Array(members.joined()), upTo: 2) == Array("{}".utf8))
        #expect(throws: GzipError.tooLong) { try Gzip.unpack(Array(members.joined()), upTo: 1) }
    }

    @Test func aCutMemberIsBrokenWhereverItIsCut() throws {
        let packed = try #require(Gzip.pack(Array(#"{"heartbeats": []}"#.utf8)))
        for length in 0..<packed.count {
            #expect(throws: GzipError.broken) { try Gzip.unpack(Array(packed.prefix(length)), upTo: 1000) }
        }
    }

    @Test func whatIsNoGzipIsBroken() throws {
        let packed = try #require(Gzip.pack(Self.text))
        var damaged = packed
        damaged[damaged.count - 5] ^= 1
        // Damaged, followed by something else, plain, and zlib's own format.
        let others: [[UInt8]] = [damaged, packed + [0], Self.text, [0x78, 0x9C, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01]]
        for bytes in others {
            #expect(throws: GzipError.broken) { try Gzip.unpack(bytes, upTo: 1 << 20) }
        }
    }
}
