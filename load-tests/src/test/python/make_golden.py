#!/usr/bin/env python3
"""Prints receiver/protocol/golden/frames.txt: whole BRP/1 frames as hexadecimal text.

Written from receiver/protocol/README.md alone, and apart from brp_client.py on purpose: an error that both
shared would not show. Everything here is spelled out slowly; nothing is random, so the output never changes.
"""

import hashlib
import json
import struct
import sys

HELLO, WELCOME, TEST_OPEN, TEST_OPENED, TEST_RESULT = 0x01, 0x02, 0x03, 0x04, 0x05
EPOCH_OPEN, EPOCH_COMMIT, EPOCH_STATUS, COMMIT_REQUEST, SOURCE_STATUS = 0x10, 0x11, 0x12, 0x13, 0x14
HASH_OFFER, HASH_DIFF = 0x20, 0x21
PING, PONG, PROGRESS, ERROR, GOAWAY, BYE = 0x30, 0x31, 0x32, 0x40, 0x41, 0x42
ATTACH, DATA, ZERO, FENCE, DURABLE_ACK, ATTACHED = 0x60, 0x61, 0x62, 0x63, 0x64, 0x65
TEST, TEST_ATTACH, TEST_ACK = 0x66, 0x67, 0x68

STORED, LZ4 = 0, 1
MIB = 1 << 20

FORMAT = """\
# Golden frames of the Block Replication Protocol, version 1. Printed by load-tests/src/test/python/make_golden.py.
#
# Blocks are separated by one empty line; lines that begin with # are comments. A block has, in this order:
#
#   name: unique name; it begins with bad- exactly when the frame must be refused
#   refused: (only bad- ones) name of the error with which a receiver refuses the frame
#   is: good frames: TYPE, then key=value words; JSON frames end with the JSON text exactly as sent.
#       bad frames: in words, what is wrong
#   hex: 32 bytes as hexadecimal digits, the last line of a block may be shorter; concatenate them
#
# Keys: seq and header_len for all frames, header_len including an extension. All numbers are decimal, except those
# that begin with 0x. Reserved fields and header extensions do not show in the words, because receivers ignore them.
# What a block of DATA expands to is told by raw_len and raw_crc32c.
#
# Bad frames can be told from the frame alone, except by its seq, the connection, and the state of the session: take
# the seq as the expected one, the frame type as allowed, and WELCOME and ATTACHED as granting the most of section 13.
# INTEGRITY: the header is good, expanding the block tells. Where the words say "header only" the bytes are a header
# without its payload: it must be refused before the payload comes."""


def crc32c(data):
    """CRC32C bit by bit, straight from its definition."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def frame(frame_type, seq, payload=b"", fields=b"", extension=b"", magic=b"BRP1", flags=0, header_len=None,
          payload_len=None, reserved=0, reserved2=0, crc_xor=0):
    """One frame. header_len and payload_len tell what the fields say where that differs from what is sent."""
    actual_len = 32 + len(fields) + len(extension)
    header = magic + struct.pack("<BBHIIQII", frame_type, flags, actual_len if header_len is None else header_len,
                                 len(payload) if payload_len is None else payload_len, reserved, seq, 0, reserved2)
    header += fields + extension
    crc = crc32c(header) ^ crc_xor
    return header[:24] + struct.pack("<I", crc) + header[28:] + payload


def data_fields(raw_len, crc, volume=0, codec=STORED, dflags=0, offset=0, epoch=1, reserved=0):
    return struct.pack("<HBBIQQII", volume, codec, dflags, raw_len, offset, epoch, crc, reserved)


def zero_fields(length, volume=0, codec=0, dflags=0, offset=0, epoch=1):
    return struct.pack("<HBBIQQQ", volume, codec, dflags, 0, offset, epoch, length)


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def show(name, words, octets, refused=None):
    print()
    print(f"name: {name}")
    if refused:
        print(f"refused: {refused}")
    print(f"is: {words}")
    for at in range(0, len(octets), 32):
        print(f"hex: {octets[at:at + 32].hex()}")


def good_json(name, type_name, frame_type, seq, value, **how):
    text = compact(value)
    octets = frame(frame_type, seq, text.encode(), **how)
    show(name, f"{type_name} seq={seq} header_len={octets[6] | octets[7] << 8} {text}", octets)


def good_empty(name, type_name, frame_type, seq, **how):
    octets = frame(frame_type, seq, **how)
    show(name, f"{type_name} seq={seq} header_len={octets[6] | octets[7] << 8}", octets)


def good_data(name, seq, raw, payload=None, volume=0, offset=0, epoch=1, reserved=0, **how):
    codec = STORED if payload is None else LZ4
    payload = raw if payload is None else payload
    crc = crc32c(raw)
    fields = data_fields(len(raw), crc, volume=volume, codec=codec, offset=offset, epoch=epoch, reserved=reserved)
    octets = frame(DATA, seq, payload, fields, **how)
    show(name, f"DATA seq={seq} header_len={octets[6] | octets[7] << 8} volume={volume} codec={codec} dflags=0 "
               f"raw_len={len(raw)} offset={offset} epoch={epoch} raw_crc32c=0x{crc:08x} payload_len={len(payload)}",
         octets)


def good_zero(name, seq, length, volume=0, dflags=0, offset=0, epoch=1, **how):
    octets = frame(ZERO, seq, b"", zero_fields(length, volume=volume, dflags=dflags, offset=offset, epoch=epoch), **how)
    show(name, f"ZERO seq={seq} header_len={octets[6] | octets[7] << 8} volume={volume} dflags={dflags} "
               f"offset={offset} length={length} epoch={epoch}", octets)


def test_fields(raw_len, crc, codec=STORED, dflags=0, volume=0, offset=0, epoch=0):
    return data_fields(raw_len, crc, volume=volume, codec=codec, dflags=dflags, offset=offset, epoch=epoch)


def good_test(name, seq, raw, payload=None, extension=b"", **place):
    codec = STORED if payload is None else LZ4
    payload = raw if payload is None else payload
    crc = crc32c(raw)
    octets = frame(TEST, seq, payload, test_fields(len(raw), crc, codec=codec, **place), extension=extension)
    show(name, f"TEST seq={seq} header_len={octets[6] | octets[7] << 8} codec={codec} dflags=0 raw_len={len(raw)} "
               f"raw_crc32c=0x{crc:08x} payload_len={len(payload)}", octets)


def good_ack(name, seq, received_seq, entries):
    payload = struct.pack("<QH6x", received_seq, len(entries))
    for volume, durable_seq, limit_bytes in entries:
        payload += struct.pack("<H6xQQ", volume, durable_seq, limit_bytes)
    words = "".join(f" volume={v} durable_seq={d} limit_bytes={b}" for v, d, b in entries)
    show(name, f"DURABLE_ACK seq={seq} header_len=32 received_seq={received_seq} entries={len(entries)}{words}",
         frame(DURABLE_ACK, seq, payload))


def bitmap(bits, count):
    octets = bytearray((count + 7) // 8)
    for bit in bits:
        octets[bit // 8] |= 1 << bit % 8
    return bytes(octets)


def hash_head(volume=0, algorithm=1, flags=0, block_shift=20, first_block=0, count=1, reserved=0, reserved2=0):
    return struct.pack("<HBBIQII", volume, algorithm, flags, block_shift | reserved << 8, first_block, count, reserved2)


def good_offer(name, seq, zeros, hashes, **head):
    count = len(zeros) + len(hashes)
    octets = frame(HASH_OFFER, seq, hash_head(count=count, **head) + bitmap(zeros, count) + b"".join(hashes))
    show(name, f"HASH_OFFER seq={seq} header_len=32 {hash_words(count=count, **head)} zeros={len(zeros)}", octets)


def good_diff(name, seq, count, differing, **head):
    octets = frame(HASH_DIFF, seq, hash_head(count=count, **head) + bitmap(differing, count))
    show(name, f"HASH_DIFF seq={seq} header_len=32 {hash_words(count=count, **head)} differing={len(differing)}", octets)


def hash_words(volume=0, flags=0, block_shift=20, first_block=0, count=1, reserved=0, reserved2=0):
    return f"volume={volume} flags={flags} block_shift={block_shift} first_block={first_block} count={count}"


def bad(name, refused, words, octets):
    show("bad-" + name, words, octets, refused)


# --- Bodies and blocks that several frames share ---------------------------------------------------------------------

INSTANCE = "0123456789abcdef0123456789abcdef"
DISK = {"deviceName": "/dev/sda", "sizeBytes": 33554432, "blockSizeBytes": 512}
HELLO_MINIMAL = {"versions": [1], "sourceServerId": "s-1", "instance": INSTANCE, "streams": 1, "disks": [DISK]}
VOLUME = {"index": 0, "volumeId": "vol-1", "deviceName": "/dev/sda", "sizeBytes": 33554432, "blockSizeBytes": 4096,
          "dataGen": "00112233445566778899aabbccddeeff", "committedEpoch": "0", "fresh": True, "action": "RESCAN",
          "reason": "NEW_VOLUME"}
LIMITS = {"jsonBytesMax": 65536, "controlFramesPerSecond": 100, "controlFramesBurst": 500, "attachMillis": 10000}

COUNTING_512 = bytes(range(256)) * 2
PATTERN_4096 = b"0123456789abcdef" * 256


def pattern_as_lz4():
    """PATTERN_4096 as one LZ4 block, by hand: 16 literals, one overlapping match of 4068 bytes, 12 literals."""
    match = 4096 - 16 - 12
    # Token 15|15; literal length 15 + 1; offset 16; match length 4 + 15 + 15 * 255 + 224.
    assert match == 4 + 15 + 15 * 255 + 224
    first = b"\xff" + b"\x01" + PATTERN_4096[:16] + b"\x10\x00" + b"\xff" * 15 + b"\xe0"
    return first + b"\xc0" + PATTERN_4096[-12:]


def zeros_as_lz4(length):
    """Zero bytes as one LZ4 block: 1 literal, one match at distance 1, 12 literals."""
    rest = length - 1 - 12 - 4 - 15
    return b"\x1f\x00\x01\x00" + b"\xff" * (rest // 255) + bytes([rest % 255]) + b"\xc0" + bytes(12)


def print_control():
    good_json("hello-minimal", "HELLO", HELLO, 1, HELLO_MINIMAL)
    good_json("hello-full", "HELLO", HELLO, 1, {
        "versions": [1, 2], "features": ["x-unknown"], "sourceServerId": "Source_server.2-b", "instance": INSTANCE,
        "streams": 16,
        "disks": [DISK, {"deviceName": "/dev/mapper/donn\u00e9es-\u78c1\u76e4", "sizeBytes": 1 << 46,
                         "blockSizeBytes": 4096}],
        "remembers": {"generation": "4611686018427387903", "disks": [
            {"deviceName": "/dev/sda", "dataGen": "00112233445566778899aabbccddeeff", "committedEpoch": "41"}]}})
    good_json("hello-unknown-members", "HELLO", HELLO, 1,
              {"grease": {"a": [1, -2.5e3, None, True, "\u20ac"]}, **HELLO_MINIMAL,
               "disks": [{**DISK, "model": "grease"}]})
    good_json("welcome-new-volume", "WELCOME", WELCOME, 1, {
        "version": 1, "features": [], "generation": "1", "streams": 1, "regionShift": 24, "limits": LIMITS,
        "volumes": [VOLUME]})
    good_json("hello-with-feature", "HELLO", HELLO, 1, {
        "versions": [1], "features": ["source-status"], "sourceServerId": "s-1", "instance": INSTANCE, "streams": 1,
        "disks": [DISK]})
    good_json("welcome-with-feature", "WELCOME", WELCOME, 1, {
        "version": 1, "features": ["source-status"], "generation": "1", "streams": 1, "regionShift": 24,
        "limits": LIMITS, "volumes": [VOLUME]})
    good_json("welcome-resume-rescan-failed", "WELCOME", WELCOME, 3, {
        "version": 1, "features": [], "generation": "9223372036854775807", "streams": 4, "regionShift": 16,
        "limits": LIMITS, "volumes": [
            {**VOLUME, "committedEpoch": "41", "fresh": False, "action": "RESUME", "reason": "NONE"},
            {**VOLUME, "index": 1, "volumeId": "vol-2", "deviceName": "/dev/sdb", "fresh": False,
             "reason": "A_REASON_OF_TOMORROW"},
            {**VOLUME, "index": 65535, "volumeId": "vol-3", "deviceName": "/dev/sdc", "fresh": False,
             "action": "FAILED", "reason": "EIO"}]})
    good_json("epoch-open", "EPOCH_OPEN", EPOCH_OPEN, 2, {"epoch": "1", "fuzzy": False, "estimatedBytes": 33554432})
    good_json("epoch-open-fuzzy", "EPOCH_OPEN", EPOCH_OPEN, 9,
              {"epoch": "9223372036854775807", "fuzzy": True, "estimatedBytes": 0})
    good_json("epoch-commit", "EPOCH_COMMIT", EPOCH_COMMIT, 3,
              {"epoch": "1", "fences": ["8"], "markTimeMillis": 1790000000000})
    good_json("epoch-commit-four-streams", "EPOCH_COMMIT", EPOCH_COMMIT, 10,
              {"epoch": "42", "fences": ["8", "2", "9007199254740993", "5"], "markTimeMillis": 1790000000000})
    good_json("epoch-status-open", "EPOCH_STATUS", EPOCH_STATUS, 2, {"epoch": "1", "committed": False})
    good_json("epoch-status-committed", "EPOCH_STATUS", EPOCH_STATUS, 3, {"epoch": "1", "committed": True})
    good_json("commit-request", "COMMIT_REQUEST", COMMIT_REQUEST, 4, {"reason": "HOLD"})
    good_json("commit-request-other-reason", "COMMIT_REQUEST", COMMIT_REQUEST, 4, {"reason": "A_REASON_OF_TOMORROW"})
    good_json("source-status", "SOURCE_STATUS", SOURCE_STATUS, 4, {
        "volumes": [{"index": 0, "backlogBytes": 33554432}, {"index": 65535, "backlogBytes": 1 << 46}],
        "waits": {"sourceMillis": 1200, "networkMillis": 3400, "windowMillis": 5600}})
    good_json("source-status-nothing", "SOURCE_STATUS", SOURCE_STATUS, 4, {
        "volumes": [], "waits": {"sourceMillis": 0, "networkMillis": 0, "windowMillis": 9007199254740991}})
    # A block of 64 KiB, and one of 1 MiB whose sixteen blocks are all the same.
    leaf = hashlib.sha256(PATTERN_4096 * 16).digest()
    tree = hashlib.sha256(leaf * 16).digest()
    good_offer("hash-offer-one", 4, [], [leaf], block_shift=16, first_block=(1 << 30) - 1)
    good_offer("hash-offer-zeros", 4, list(range(9)), [], volume=65535, flags=1)
    good_offer("hash-offer-mixed", 4, [0, 2, 9], [tree] * 7, volume=1, first_block=1 << 20)
    good_diff("hash-diff-none", 5, 1, [], block_shift=16, first_block=(1 << 30) - 1)
    good_diff("hash-diff-some", 5, 10, [1, 8, 9], volume=1, flags=1)
    good_diff("hash-diff-all-of-most", 5, 1024, list(range(1024)), volume=65535)
    good_empty("ping", "PING", PING, 4)
    good_empty("pong", "PONG", PONG, 4)
    good_empty("ping-large-seq", "PING", PING, 0x0123456789ABCDEF)
    good_json("progress-fencing", "PROGRESS", PROGRESS, 1, {"waitingFor": "FENCING", "volumes": []})
    good_json("progress-hold", "PROGRESS", PROGRESS, 5, {"waitingFor": "HOLD", "volumes": []})
    good_json("progress-volume", "PROGRESS", PROGRESS, 5, {"waitingFor": "VOLUME", "volumes": [
        {"index": 0, "queuedBytes": 1048576, "oldestMillis": 2100},
        {"index": 1, "queuedBytes": 0, "oldestMillis": 0, "lastError": "EIO"}]})
    good_json("error-of-server", "ERROR", ERROR, 7, {
        "code": 8, "name": "RANGE", "seq": "12", "volume": 0, "offset": 33554432, "text": "past the end"})
    good_json("error-of-agent-code-only", "ERROR", ERROR, 7, {"code": 1})
    good_json("goaway", "GOAWAY", GOAWAY, 6,
              {"reason": "SHUTDOWN", "deadlineMillis": 30000, "reconnectAfterMillis": 5000})
    good_json("goaway-unknown-reason", "GOAWAY", GOAWAY, 6,
              {"reason": "A_REASON_OF_TOMORROW", "deadlineMillis": 0, "reconnectAfterMillis": 0})
    good_json("bye", "BYE", BYE, 4, {"reason": "done"})


def print_data():
    good_json("attach", "ATTACH", ATTACH, 1, {"generation": "1", "stream": 0})
    good_json("attached", "ATTACHED", ATTACHED, 1,
              {"windowBytes": 8388608, "rawLenMax": 1048576, "unackedFramesMax": 1024})
    good_data("data-stored-512", 2, COUNTING_512)
    good_data("data-stored-far", 3, COUNTING_512, volume=65535, offset=(1 << 46) - 512, epoch=0xFFFFFFFFFFFFFFFF)
    good_data("data-lz4-4096", 4, PATTERN_4096, pattern_as_lz4(), volume=1, offset=0x12345600, epoch=42)
    good_data("data-lz4-1-mib-zeros", 5, bytes(MIB), zeros_as_lz4(MIB))
    good_zero("zero", 6, 15728640, offset=1048576)
    good_zero("zero-may-deallocate", 7, 1 << 30, volume=3, dflags=1, offset=1 << 40, epoch=42)
    fence = frame(FENCE, 8, struct.pack("<Q", 1))
    show("fence", "FENCE seq=8 header_len=32 epoch=1", fence)
    good_ack("durable-ack-0-entries", 2, 1, [])
    good_ack("durable-ack-1-entry", 3, 4, [(0, 4, 9175040)])
    good_ack("durable-ack-3-entries", 4, 0x100000002,
             [(0, 0x100000001, 0x1234567890), (1, 0, 8388608), (65535, 7, 262144)])


def print_speed_test():
    test = {"streams": 5, "seconds": 10, "bytesMax": 1 << 30}
    good_json("test-open", "TEST_OPEN", TEST_OPEN, 1, {"versions": [1], "sourceServerId": "s-1", **test})
    good_json("test-open-least", "TEST_OPEN", TEST_OPEN, 1,
              {"versions": [1, 2], "sourceServerId": "s-1", "streams": 1, "seconds": 1, "bytesMax": 1})
    good_json("test-opened", "TEST_OPENED", TEST_OPENED, 1,
              {"version": 1, "test": INSTANCE, **test, "attachMillis": 10000})
    good_json("test-attach", "TEST_ATTACH", TEST_ATTACH, 1, {"test": INSTANCE, "stream": 4})
    good_test("test-stored-512", 2, COUNTING_512)
    good_test("test-lz4-4096", 3, PATTERN_4096, pattern_as_lz4())
    good_json("test-ack", "TEST_ACK", TEST_ACK, 2, {"checkedSeq": "3", "limitBytes": 8393216})
    good_json("test-result", "TEST_RESULT", TEST_RESULT, 2, {
        "ended": "TIME", "millis": 10002, "frames": 4096, "rawBytes": 1073741824, "payloadBytes": 536870912,
        "replicatedBytes": 0, "waits": {"throttleMillis": 1, "replicationMillis": 0, "checkMillis": 250},
        "busy": {"eventLoopMillis": 4000, "expandMillis": 3000}, "volumes": [
            {"volumeId": "vol-1", "deviceName": "/dev/sda", "spanMillis": 60000, "busyMillis": 30000,
             "writtenBytes": 1073741824},
            {"volumeId": "vol-2", "deviceName": "/dev/sdb", "spanMillis": 0, "busyMillis": 0, "writtenBytes": 0}]})
    good_json("test-result-unknown-end", "TEST_RESULT", TEST_RESULT, 2, {
        "ended": "A_REASON_OF_TOMORROW", "millis": 0, "frames": 0, "rawBytes": 0, "payloadBytes": 0,
        "replicatedBytes": 0, "waits": {"throttleMillis": 0, "replicationMillis": 0, "checkMillis": 0},
        "busy": {"eventLoopMillis": 0, "expandMillis": 0}, "volumes": []})


def print_tolerated():
    grease = 0xDEADBEEF
    good_empty("ping-extension-40", "PING", PING, 2, extension=b"\xa5" * 8)
    good_empty("ping-extension-72", "PING", PING, 2, extension=bytes(range(40)))
    good_empty("ping-extension-512", "PING", PING, 2, extension=b"\x5a" * 480)
    good_empty("ping-reserved-not-zero", "PING", PING, 2, reserved=grease, reserved2=grease)
    good_json("hello-extension-40", "HELLO", HELLO, 1, HELLO_MINIMAL, extension=b"\xa5" * 8)
    good_data("data-extension-72", 2, COUNTING_512, extension=b"\xa5" * 8)
    good_data("data-reserved-not-zero", 2, COUNTING_512, reserved=grease, reserved2=grease)
    good_zero("zero-extension-72", 2, 512, extension=b"\xa5" * 8)
    good_test("test-extension-72", 2, COUNTING_512, extension=b"\xa5" * 8)
    good_test("test-place-not-zero", 2, COUNTING_512, volume=7, offset=513, epoch=9)
    payload = struct.pack("<QH", 9, 1) + b"\xa5" * 6
    payload += struct.pack("<H", 2) + b"\xa5" * 6 + struct.pack("<QQ", 8, 270336)
    show("durable-ack-reserved-not-zero",
         "DURABLE_ACK seq=5 header_len=32 received_seq=9 entries=1 volume=2 durable_seq=8 limit_bytes=270336",
         frame(DURABLE_ACK, 5, payload, reserved=grease))
    show("hash-offer-reserved-not-zero",
         "HASH_OFFER seq=4 header_len=32 volume=0 flags=0 block_shift=20 first_block=0 count=1 zeros=1",
         frame(HASH_OFFER, 4, hash_head(reserved=0xA5A5A5, reserved2=grease) + b"\x01", reserved=grease))
    show("ignorable-80", "ignorable type=0x80 seq=2 header_len=32 payload_len=6", frame(0x80, 2, b"grease"))
    show("ignorable-ff-empty", "ignorable type=0xff seq=3 header_len=40 payload_len=0",
         frame(0xFF, 3, extension=b"\xa5" * 8))


def print_bad_headers():
    bad("magic", "PROTOCOL", "PING whose magic is BRP2; its header CRC is right", frame(PING, 2, magic=b"BRP2"))
    bad("http", "PROTOCOL", "an HTTP request", b"GET / HTTP/1.1\r\nHost: example.org:1500\r\n\r\n")
    bad("header-crc", "PROTOCOL", "PING with one bit of header_crc32c turned", frame(PING, 2, crc_xor=0x100))
    bad("header-crc-of-extension", "PROTOCOL", "PING whose last extension byte was changed after the CRC was made",
        frame(PING, 2, extension=b"\xa5" * 8)[:-1] + b"\xa4")
    bad("header-len-24", "PROTOCOL", "PING with header_len 24, in 32 bytes", frame(PING, 2, header_len=24))
    bad("header-len-33", "PROTOCOL", "PING with header_len 33 and as many bytes",
        frame(PING, 2, extension=b"\x00", header_len=33))
    bad("header-len-520", "PROTOCOL", "PING with header_len 520 and as many bytes",
        frame(PING, 2, extension=bytes(488)))
    bad("header-len-data-32", "PROTOCOL", "DATA with header_len 32", frame(DATA, 2, COUNTING_512))
    bad("header-len-zero-56", "PROTOCOL", "ZERO with header_len 56", frame(ZERO, 2, fields=zero_fields(512)[:24]))
    bad("header-len-test-56", "PROTOCOL", "TEST with header_len 56",
        frame(TEST, 2, COUNTING_512, test_fields(512, crc32c(COUNTING_512))[:24]))
    bad("flags", "PROTOCOL", "PING with flags 1", frame(PING, 2, flags=1))
    bad("flags-before-type", "PROTOCOL", "type 0x50 with flags 0x80; flags are looked at first",
        frame(0x50, 2, flags=0x80))
    bad("type-50", "UNSUPPORTED", "type 0x50", frame(0x50, 2))
    bad("type-7f", "UNSUPPORTED", "type 0x7f", frame(0x7F, 2))
    bad("ignorable-too-large", "LIMIT", "type 0x80 with payload_len 65537, header only",
        frame(0x80, 2, payload_len=65537))


def print_bad_blocks():
    crc = crc32c(COUNTING_512)
    bad("codec", "UNSUPPORTED", "DATA with codec 2", frame(DATA, 2, COUNTING_512[:100], data_fields(512, crc, codec=2)))
    bad("dflags-of-data", "UNSUPPORTED", "DATA with dflags 1",
        frame(DATA, 2, COUNTING_512, data_fields(512, crc, dflags=1)))
    bad("dflags-of-zero", "UNSUPPORTED", "ZERO with dflags 2", frame(ZERO, 2, b"", zero_fields(512, dflags=2)))
    bad("raw-len-0", "LIMIT", "DATA with raw_len 0 and no payload", frame(DATA, 2, b"", data_fields(0, 0)))
    bad("raw-len-513", "LIMIT", "DATA stored with raw_len 513",
        frame(DATA, 2, COUNTING_512 + b"x", data_fields(513, crc32c(COUNTING_512 + b"x"))))
    bad("raw-len-over-1-mib", "LIMIT", "DATA LZ4 with raw_len 1049088, which is 1 MiB and 512",
        frame(DATA, 2, zeros_as_lz4(MIB + 512), data_fields(MIB + 512, crc32c(bytes(MIB + 512)), codec=LZ4)))
    bad("raw-len-max", "LIMIT", "DATA LZ4 with raw_len 4294966784 and payload_len 4294966783, header only",
        frame(DATA, 2, b"", data_fields(0xFFFFFE00, 0, codec=LZ4), payload_len=0xFFFFFDFF))
    bad("raw-len-before-codec", "LIMIT", "DATA with raw_len 0 and codec 2; lengths are looked at first",
        frame(DATA, 2, b"", data_fields(0, 0, codec=2)))
    bad("payload-longer-than-raw", "LIMIT", "DATA LZ4 with raw_len 512 and payload_len 513",
        frame(DATA, 2, COUNTING_512 + b"x", data_fields(512, crc, codec=LZ4)))
    bad("payload-as-long-as-raw", "LIMIT", "DATA LZ4 with raw_len 512 and payload_len 512",
        frame(DATA, 2, COUNTING_512, data_fields(512, crc, codec=LZ4)))
    bad("stored-payload-shorter", "LIMIT", "DATA stored with raw_len 1024 and payload_len 512",
        frame(DATA, 2, COUNTING_512, data_fields(1024, crc)))
    bad("stored-payload-longer", "LIMIT", "DATA stored with raw_len 512 and payload_len 1024",
        frame(DATA, 2, COUNTING_512 * 2, data_fields(512, crc)))
    bad("zero-with-payload", "LIMIT", "ZERO with payload_len 512", frame(ZERO, 2, bytes(512), zero_fields(512)))
    bad("test-codec", "UNSUPPORTED", "TEST with codec 2",
        frame(TEST, 2, COUNTING_512[:100], test_fields(512, crc, codec=2)))
    bad("test-dflags", "UNSUPPORTED", "TEST with dflags 1", frame(TEST, 2, COUNTING_512, test_fields(512, crc, dflags=1)))
    bad("test-raw-len-513", "LIMIT", "TEST stored with raw_len 513",
        frame(TEST, 2, COUNTING_512 + b"x", test_fields(513, crc32c(COUNTING_512 + b"x"))))
    bad("test-stored-payload-shorter", "LIMIT", "TEST stored with raw_len 1024 and payload_len 512",
        frame(TEST, 2, COUNTING_512, test_fields(1024, crc)))
    bad("test-crc-differs", "INTEGRITY", "TEST stored whose raw_crc32c has one bit turned",
        frame(TEST, 2, COUNTING_512, test_fields(512, crc ^ 1)))
    bad("offset-unaligned", "RANGE", "DATA with offset 513",
        frame(DATA, 2, COUNTING_512, data_fields(512, crc, offset=513)))
    bad("block-crc-differs", "INTEGRITY", "DATA stored whose raw_crc32c has one bit turned",
        frame(DATA, 2, COUNTING_512, data_fields(512, crc ^ 1)))
    lz4, lz4_crc = pattern_as_lz4(), crc32c(PATTERN_4096)
    bad("lz4-cut-short", "INTEGRITY", "DATA LZ4 whose block ends inside its last literals",
        frame(DATA, 2, lz4[:-1], data_fields(4096, lz4_crc, codec=LZ4)))
    bad("lz4-shorter-than-raw-len", "INTEGRITY", "DATA LZ4 whose good block expands to 4096 bytes, with raw_len 4608",
        frame(DATA, 2, lz4, data_fields(4608, lz4_crc, codec=LZ4)))
    bad("lz4-longer-than-raw-len", "INTEGRITY", "DATA LZ4 whose good block expands to 4096 bytes, with raw_len 3584",
        frame(DATA, 2, lz4, data_fields(3584, crc32c(PATTERN_4096[:3584]), codec=LZ4)))
    before_start = lz4[:18] + b"\x11\x00" + lz4[20:]
    bad("lz4-before-the-start", "INTEGRITY", "DATA LZ4 with a match 17 bytes back after 16 bytes",
        frame(DATA, 2, before_start, data_fields(4096, lz4_crc, codec=LZ4)))
    no_distance = lz4[:18] + b"\x00\x00" + lz4[20:]
    bad("lz4-distance-0", "INTEGRITY", "DATA LZ4 with a match 0 bytes back",
        frame(DATA, 2, no_distance, data_fields(4096, lz4_crc, codec=LZ4)))


def print_bad_hashes():
    def offer(name, refused, words, payload, **how):
        bad("hash-offer-" + name, refused, "HASH_OFFER " + words, frame(HASH_OFFER, 2, payload, **how))

    one = b"\x00" + hashlib.sha256(COUNTING_512).digest()
    offer("algorithm", "UNSUPPORTED", "with algorithm 2", hash_head(algorithm=2) + one)
    offer("flags", "UNSUPPORTED", "with flags 2", hash_head(flags=2) + one)
    offer("shift", "LIMIT", "with block_shift 12", hash_head(block_shift=12) + one)
    offer("count-0", "LIMIT", "with count 0", hash_head(count=0) + one)
    offer("count-1025", "LIMIT", "with count 1025, all zero", hash_head(count=1025) + b"\xff" * 128 + b"\x01")
    offer("first-block", "RANGE", "with first_block 2^63", hash_head(first_block=1 << 63) + one)
    offer("head-cut-short", "LIMIT", "with payload_len 23", hash_head()[:23])
    offer("bitmap-cut-short", "LIMIT", "with count 9 and one byte of bitmap", hash_head(count=9) + b"\xff")
    offer("bits-beyond", "LIMIT", "with a bit beyond count", hash_head() + b"\x03")
    offer("hash-missing", "LIMIT", "without the hash of its one block", hash_head() + b"\x00")
    offer("hash-of-zero", "LIMIT", "with a hash of a block that is zero", hash_head() + b"\x01" + one[1:])
    offer("too-large", "LIMIT", "with payload_len 32921, header only", b"", payload_len=32921)
    bad("hash-diff-too-long", "LIMIT", "HASH_DIFF of one block with two bytes of bitmap",
        frame(HASH_DIFF, 2, hash_head() + b"\x00\x00"))
    bad("hash-diff-bits-beyond", "LIMIT", "HASH_DIFF with a bit beyond count", frame(HASH_DIFF, 2, hash_head() + b"\x02"))
    bad("hash-diff-too-large", "LIMIT", "HASH_DIFF with payload_len 153, header only",
        frame(HASH_DIFF, 2, payload_len=153))


def print_bad_json():
    def hello(name, refused, words, text):
        bad("json-" + name, refused, "HELLO whose body is " + words,
            frame(HELLO, 1, text if isinstance(text, bytes) else text.encode()))

    minimal = compact(HELLO_MINIMAL)
    hello("empty", "PROTOCOL", "empty", "")
    hello("garbage", "PROTOCOL", "not JSON", "{versions:1}")
    hello("array", "PROTOCOL", "an array", "[" + minimal + "]")
    hello("cut-short", "PROTOCOL", "cut short", minimal[:-1])
    hello("two-objects", "PROTOCOL", "two objects", minimal + "{}")
    hello("not-utf-8", "PROTOCOL", "not UTF-8", minimal[:-1].encode() + b',"grease":"\xc3\x28"}')
    hello("not-a-number", "PROTOCOL", "not JSON: NaN as a number", minimal[:-1] + ',"grease":NaN}')
    hello("duplicate-member", "PROTOCOL", "an object that gives streams twice", minimal[:-1] + ',"streams":1}')
    hello("missing-member", "PROTOCOL", "an object without sourceServerId",
          compact({k: v for k, v in HELLO_MINIMAL.items() if k != "sourceServerId"}))
    hello("missing-member-of-disk", "PROTOCOL", "an object with a disk without sizeBytes",
          compact({**HELLO_MINIMAL, "disks": [{"deviceName": "/dev/sda", "blockSizeBytes": 512}]}))
    hello("other-type", "PROTOCOL", "an object whose streams is a string", compact({**HELLO_MINIMAL, "streams": "1"}))
    hello("outside-range", "PROTOCOL", "an object whose streams is 0", compact({**HELLO_MINIMAL, "streams": 0}))
    hello("too-deep", "LIMIT", "an object with an unknown member of 9 nested arrays",
          minimal[:-1] + ',"grease":' + "[" * 9 + "]" * 9 + "}")
    hello("string-too-long", "LIMIT", "an object with an unknown string of 1025 characters",
          minimal[:-1] + ',"grease":"' + "x" * 1025 + '"}')
    hello("number-too-long", "LIMIT", "an object with an unknown number of 21 characters",
          minimal[:-1] + ',"grease":' + "1" * 21 + "}")
    source_status = {"volumes": [{"index": 0, "backlogBytes": 512}],
                     "waits": {"sourceMillis": 0, "networkMillis": 0, "windowMillis": 0}}
    bad("json-source-status-missing-wait", "PROTOCOL", "SOURCE_STATUS whose waits have no windowMillis",
        frame(SOURCE_STATUS, 2, compact({**source_status, "waits": {"sourceMillis": 0, "networkMillis": 0}}).encode()))
    bad("json-source-status-backlog", "PROTOCOL", "SOURCE_STATUS with a backlog of more than 64 TiB",
        frame(SOURCE_STATUS, 2, compact({**source_status, "volumes": [
            {"index": 0, "backlogBytes": (1 << 46) + 1}]}).encode()))
    test_open = {"versions": [1], "sourceServerId": "s-1", "streams": 1, "seconds": 31, "bytesMax": 1}
    bad("json-test-open-seconds", "PROTOCOL", "TEST_OPEN with 31 seconds",
        frame(TEST_OPEN, 1, compact(test_open).encode()))
    bad("json-test-open-bytes", "PROTOCOL", "TEST_OPEN with bytesMax of more than 16 GiB",
        frame(TEST_OPEN, 1, compact({**test_open, "seconds": 30, "bytesMax": (1 << 34) + 1}).encode()))
    bad("json-commit-request-empty-reason", "PROTOCOL", "COMMIT_REQUEST whose reason is empty",
        frame(COMMIT_REQUEST, 2, compact({"reason": ""}).encode()))
    bad("json-too-large", "LIMIT", "HELLO with payload_len 65537, header only", frame(HELLO, 1, payload_len=65537))


def main():
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    print(FORMAT)
    print_control()
    print_data()
    print_speed_test()
    print_tolerated()
    print_bad_headers()
    print_bad_blocks()
    print_bad_hashes()
    print_bad_json()


if __name__ == "__main__":
    main()
