"""The agent's side of the Block Replication Protocol, version 1, with nothing but Python's standard library.

Written from receiver/protocol/README.md alone; "section N" below is a section of that document. It is made to be
read and to test servers with, not to be fast: CRC and compression are plain Python.

From the bottom up:
  crc32c, lz4_compress, lz4_expand     bytes
  encode, decode                       frames
  Endpoint, Connection                 TLS, and frames in and out of one connection
  Flow, Session                        what the agent may send, and the conversation

Everything lives on one thread. Nothing blocks in a send: frames are queued, and pump() moves bytes both ways on all
connections of a session at once. That matters, because a server that reads slowly must not keep the agent from
answering its PING.
"""

import enum
import hashlib
import json
import secrets
import select
import socket
import ssl
import struct
import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from specification import Rule, schema_of, utf16_len, violations

MAGIC = 0x31505242
HEADER_LEN_MIN, HEADER_LEN_MAX, DATA_HEADER_LEN_MIN = 32, 512, 64
JSON_BYTES_MAX = IGNORABLE_BYTES_MAX = 65536
JSON_DEPTH_MAX, JSON_STRING_MAX, JSON_NUMBER_MAX = 8, 1024, 20
RAW_LEN_MAX = 1 << 20
DISK_BYTES_MAX = 1 << 46
SECTOR = 512
ZERO_COST = 4096  # what a ZERO of any length counts against limit_bytes
ACK_HEADER_LEN, ACK_ENTRY_LEN = 16, 24
STORED, LZ4 = 0, 1
MAY_DEALLOCATE = 1
ALPN = "brp/1"
SOURCE_STATUS, HASH_OFFER, COMMIT_REQUEST = "source-status", "hash-offer", "commit-request"  # features
HASH_HEAD_LEN, HASH_LEN, HASHES_MAX = 24, 32, 1024
SHA_256, REPORT_ONLY = 1, 1
LEAF_SHIFT, TREE_SHIFT = 16, 20

PING_AFTER_SECONDS = 10
DEAD_AFTER_SECONDS = 30
SENT_KEPT = 6  # frames whose words a connection keeps
UNSENT_BYTES_MAX = 4 << 20  # what may queue on a connection before Session.can_send says no
CLOCK_TOLERANCE = timedelta(minutes=5)


class Type(enum.IntEnum):
    HELLO = 0x01
    WELCOME = 0x02
    TEST_OPEN = 0x03
    TEST_OPENED = 0x04
    TEST_RESULT = 0x05
    EPOCH_OPEN = 0x10
    EPOCH_COMMIT = 0x11
    EPOCH_STATUS = 0x12
    COMMIT_REQUEST = 0x13
    SOURCE_STATUS = 0x14
    HASH_OFFER = 0x20
    HASH_DIFF = 0x21
    PING = 0x30
    PONG = 0x31
    PROGRESS = 0x32
    ERROR = 0x40
    GOAWAY = 0x41
    BYE = 0x42
    ATTACH = 0x60
    DATA = 0x61
    ZERO = 0x62
    FENCE = 0x63
    DURABLE_ACK = 0x64
    ATTACHED = 0x65
    TEST = 0x66
    TEST_ATTACH = 0x67
    TEST_ACK = 0x68


KNOWN_TYPES = {t.value for t in Type}
FEATURE_TYPES = {Type.COMMIT_REQUEST, Type.TEST_OPEN, Type.TEST_OPENED, Type.TEST_RESULT, Type.TEST, Type.TEST_ATTACH,
                 Type.TEST_ACK, Type.HASH_OFFER, Type.HASH_DIFF}  # unknown where their feature is not granted

CODES = {"PROTOCOL": 1, "UNSUPPORTED": 2, "VERSION": 3, "LIMIT": 4, "SEQUENCE": 5, "STATE": 6, "STALE_GENERATION": 7,
         "RANGE": 8, "INTEGRITY": 9, "EPOCH": 10, "VOLUME_FAILED": 11, "RATE": 12, "FORBIDDEN": 13, "SHUTDOWN": 14,
         "PAUSED": 15}
NAMES = {code: name for name, code in CODES.items()}
NOT_FATAL = {"EPOCH", "VOLUME_FAILED"}

TO_AGENT_CONTROL = {Type.WELCOME, Type.EPOCH_STATUS, Type.PING, Type.PONG, Type.PROGRESS, Type.ERROR, Type.GOAWAY}
TO_AGENT_DATA = {Type.ATTACHED, Type.DURABLE_ACK, Type.ERROR}
TO_SERVER_CONTROL = {Type.HELLO, Type.EPOCH_OPEN, Type.EPOCH_COMMIT, Type.SOURCE_STATUS, Type.PING, Type.PONG,
                     Type.ERROR, Type.BYE}
TO_SERVER_DATA = {Type.ATTACH, Type.DATA, Type.ZERO, Type.FENCE, Type.PING, Type.ERROR}

JSON_TYPES = {Type.HELLO, Type.WELCOME, Type.TEST_OPEN, Type.TEST_OPENED, Type.TEST_RESULT, Type.EPOCH_OPEN,
              Type.EPOCH_COMMIT, Type.EPOCH_STATUS, Type.COMMIT_REQUEST, Type.SOURCE_STATUS, Type.PROGRESS, Type.ERROR,
              Type.GOAWAY, Type.BYE, Type.ATTACH, Type.ATTACHED, Type.TEST_ATTACH, Type.TEST_ACK}
WAITS = ("sourceMillis", "networkMillis", "windowMillis")  # of SOURCE_STATUS
BLOCK_TYPES = {Type.DATA, Type.ZERO, Type.TEST}  # those with the longer header


class Refused(Exception):
    """A frame of the peer that must be refused. `code` is the name of the error of section 11, `rule` what says so."""

    def __init__(self, code, text, rule=None):
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, text
        self.rule = rule or Rule("11", f"| {code} |")


class SessionEnded(Exception):
    """The session is over, or the server refused something that a correct agent does not do."""


class WrongPin(SessionEnded):
    """The server's key is none that it may have."""


class GoingAway(Exception):
    """The server sent GOAWAY. `body` is its JSON."""

    def __init__(self, body):
        super().__init__(f"GOAWAY {body}")
        self.body = body


# --- CRC32C ----------------------------------------------------------------------------------------------------------

def _crc_table():
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_CRC_TABLE = _crc_table()


def crc32c(data):
    crc, table = 0xFFFFFFFF, _CRC_TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


# --- LZ4 block format ------------------------------------------------------------------------------------------------

_LZ4_MATCH_MIN = 4
_LZ4_DISTANCE_MAX = 65535
_LZ4_LAST_MATCH_START = 12  # the last match starts at least so many bytes before the end
_LZ4_LAST_LITERALS = 5      # and ends at least so many before it


def lz4_compress(data):
    """One LZ4 block. Greedy: takes the newest earlier place with the same four bytes, steps faster where none is."""
    data = bytes(data)
    last_start = len(data) - _LZ4_LAST_MATCH_START
    last_end = len(data) - _LZ4_LAST_LITERALS
    out = bytearray()
    newest = {}
    anchor = at = misses = 0
    while at <= last_start:
        key = data[at:at + _LZ4_MATCH_MIN]
        earlier = newest.get(key, -1)
        newest[key] = at
        if earlier < 0 or at - earlier > _LZ4_DISTANCE_MAX:
            misses += 1
            at += 1 + (misses >> 6)
            continue
        end = _match_end(data, earlier, at, last_end)
        _lz4_sequence(out, data[anchor:at], at - earlier, end - at)
        anchor = at = end
        misses = 0
    _lz4_sequence(out, data[anchor:], 0, 0)
    return bytes(out)


def _match_end(data, earlier, at, last_end):
    """Where the match that begins at `at` ends; compares in steps that double while they match."""
    distance = at - earlier
    end = at + _LZ4_MATCH_MIN
    step = 16
    while end < last_end:
        step = min(step, last_end - end)
        if data[end:end + step] == data[end - distance:end - distance + step]:
            end += step
            step *= 2
        elif step == 1:
            break
        else:
            step = max(1, step // 4)
    return end


def _lz4_sequence(out, literals, distance, length):
    """Literals and the match that follows them; distance 0 is the end of the block, which has no match."""
    more = length - _LZ4_MATCH_MIN if distance else 0
    out.append(min(len(literals), 15) << 4 | min(more, 15))
    _lz4_length(out, len(literals))
    out += literals
    if distance:
        out += struct.pack("<H", distance)
        _lz4_length(out, more)


def _lz4_length(out, length):
    if length >= 15:
        out += b"\xff" * ((length - 15) // 255)
        out.append((length - 15) % 255)


def lz4_expand(block, raw_len):
    """The bytes of one LZ4 block; ValueError unless it is well-formed and expands to exactly raw_len bytes."""
    out, at = bytearray(), 0

    def take(count):
        nonlocal at
        if at + count > len(block):
            raise ValueError("the block ends too early")
        at += count
        return block[at - count:at]

    def length(nibble):
        total = nibble
        while nibble == 15:
            more = take(1)[0]
            total += more
            if more != 255:
                break
        return total

    while True:
        token = take(1)[0]
        out += take(length(token >> 4))
        if at == len(block):
            break
        distance = int.from_bytes(take(2), "little")
        if not 0 < distance <= len(out):
            raise ValueError(f"distance {distance} at {len(out)}")
        match = length(token & 15) + 4
        if len(out) + match > raw_len:
            raise ValueError("longer than raw_len")
        pattern = bytes(out[-distance:])[:match]
        out += (pattern * (match // len(pattern) + 1))[:match]
    if len(out) != raw_len:
        raise ValueError(f"{len(out)} bytes, not {raw_len}")
    return bytes(out)


# --- Frames ----------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Frame:
    """A frame as it came. `fields` are the header's bytes from 32 on, an extension included."""

    type: int
    seq: int
    payload: bytes
    fields: bytes = b""

    @property
    def name(self):
        return Type(self.type).name if self.type in KNOWN_TYPES else f"type 0x{self.type:02x}"

    @property
    def ignorable(self):
        return self.type >= 0x80

    def json(self):
        return parse_body(self.type, self.payload)

    def ack(self):
        return parse_ack(self.payload)

    def __str__(self):
        shown = self.payload.decode(errors="replace") if self.type in JSON_TYPES else f"payload_len={len(self.payload)}"
        return f"{self.name} seq={self.seq} {shown}"


@dataclass(frozen=True)
class DataFields:
    """The header of DATA from byte 32 on; for ZERO read `length`, for DATA and TEST read `raw_crc32c`."""

    volume: int
    codec: int
    dflags: int
    raw_len: int
    offset: int
    epoch: int
    length: int

    @property
    def raw_crc32c(self):
        return self.length & 0xFFFFFFFF

    @staticmethod
    def of(frame_fields):
        return DataFields(*struct.unpack_from("<HBBIQQQ", frame_fields))

    def pack(self):
        return struct.pack("<HBBIQQQ", self.volume, self.codec, self.dflags, self.raw_len, self.offset, self.epoch,
                           self.length)


def encode(frame_type, seq, payload=b"", fields=b"", *, magic=MAGIC, flags=0, header_len=None, payload_len=None,
           reserved=(0, 0), crc_xor=0):
    """One frame. `fields` are the header's bytes from 32 on. The members after the star make wrong frames for tests."""
    header = struct.pack("<IBBHIIQII", magic, frame_type, flags,
                         HEADER_LEN_MIN + len(fields) if header_len is None else header_len,
                         len(payload) if payload_len is None else payload_len,
                         reserved[0], seq, 0, reserved[1]) + fields
    return header[:24] + struct.pack("<I", crc32c(header) ^ crc_xor) + header[28:] + payload


def json_bytes(body):
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def decode(octets, seq=None, accepts=None, raw_len_max=RAW_LEN_MAX):
    """The first frame of octets and its length, or None while it is not whole. Checks in the order of section 3.

    seq is the expected one, None for any; accepts is the set of types that may come, None for all known ones.
    """
    if len(octets) < HEADER_LEN_MIN:
        return None
    magic, frame_type, flags, header_len, payload_len, _, frame_seq, crc, _ = struct.unpack_from("<IBBHIIQII", octets)
    if magic != MAGIC:
        raise Refused("PROTOCOL", f"magic 0x{magic:08x}", Rule("3", "0x31505242"))
    shortest = DATA_HEADER_LEN_MIN if frame_type in BLOCK_TYPES else HEADER_LEN_MIN
    if not shortest <= header_len <= HEADER_LEN_MAX or header_len % 8:
        raise Refused("PROTOCOL", f"header_len {header_len}", Rule("3", "length of the whole header"))
    if len(octets) < header_len:
        return None
    header = bytes(octets[:header_len])
    if crc32c(header[:24] + b"\0\0\0\0" + header[28:]) != crc:
        raise Refused("PROTOCOL", "header_crc32c differs", Rule("3", "CRC32C over the header_len bytes"))
    if flags:
        raise Refused("PROTOCOL", f"flags 0x{flags:02x}", Rule("3", "must be 0; otherwise PROTOCOL"))
    if seq is not None and frame_seq != seq:
        raise Refused("SEQUENCE", f"seq {frame_seq}, expected {seq}",
                      Rule("3", "1 for the first frame of this connection"))
    if frame_type not in KNOWN_TYPES and frame_type < 0x80:
        raise Refused("UNSUPPORTED", f"type 0x{frame_type:02x}", Rule("4", "Any other unknown type is UNSUPPORTED"))
    if accepts is not None and frame_type in FEATURE_TYPES - accepts:
        raise Refused("UNSUPPORTED", f"{Type(frame_type).name} belongs to a feature that is not granted",
                      Rule("4", "A type that belongs to a feature is an unknown type"))
    if accepts is not None and frame_type < 0x80 and frame_type not in accepts:
        raise Refused("STATE", f"{Type(frame_type).name} is not allowed here",
                      Rule("11", "a frame not allowed in this state"))
    _check_lengths(frame_type, header[HEADER_LEN_MIN:], payload_len, raw_len_max)
    if len(octets) < header_len + payload_len:
        return None
    frame = Frame(frame_type, frame_seq, bytes(octets[header_len:header_len + payload_len]), header[HEADER_LEN_MIN:])
    return frame, header_len + payload_len


def _check_lengths(frame_type, fields, payload_len, raw_len_max):
    if frame_type in BLOCK_TYPES:
        _check_block(frame_type, DataFields.of(fields), payload_len, raw_len_max)
    elif frame_type in JSON_TYPES or frame_type >= 0x80:
        if payload_len > JSON_BYTES_MAX:
            raise Refused("LIMIT", f"payload_len {payload_len}")
    elif frame_type == Type.DURABLE_ACK:
        if payload_len < ACK_HEADER_LEN or (payload_len - ACK_HEADER_LEN) % ACK_ENTRY_LEN \
                or payload_len > ACK_HEADER_LEN + 65536 * ACK_ENTRY_LEN:
            raise Refused("LIMIT", f"payload_len {payload_len} of DURABLE_ACK")
    elif frame_type in (Type.HASH_OFFER, Type.HASH_DIFF):
        hashes = HASHES_MAX if frame_type == Type.HASH_OFFER else 0
        if payload_len > HASH_HEAD_LEN + HASHES_MAX // 8 + hashes * HASH_LEN:
            raise Refused("LIMIT", f"payload_len {payload_len} of {Type(frame_type).name}")
    elif payload_len != (8 if frame_type == Type.FENCE else 0):
        raise Refused("LIMIT", f"payload_len {payload_len} of {Type(frame_type).name}")


def _check_block(frame_type, block, payload_len, raw_len_max):
    if frame_type == Type.ZERO:
        if payload_len or block.raw_len or block.length < SECTOR or block.length % SECTOR:
            raise Refused("LIMIT", f"ZERO with payload_len {payload_len} raw_len {block.raw_len} length {block.length}",
                          Rule("3", "a multiple of 512, at least 512 (LIMIT)"))
    elif not SECTOR <= block.raw_len <= raw_len_max or block.raw_len % SECTOR:
        raise Refused("LIMIT", f"raw_len {block.raw_len}", Rule("3", "bytes after expansion: 512 to rawLenMax"))
    elif payload_len > block.raw_len or block.codec == STORED and payload_len != block.raw_len \
            or block.codec == LZ4 and payload_len == block.raw_len:
        raise Refused("LIMIT", f"payload_len {payload_len} codec {block.codec} raw_len {block.raw_len}",
                      Rule("3", "codec 0 requires payload_len = raw_len"))
    if block.codec > (STORED if frame_type == Type.ZERO else LZ4):
        raise Refused("UNSUPPORTED", f"codec {block.codec}", Rule("3", "0 stored, 1 one LZ4 block"))
    if block.dflags > (MAY_DEALLOCATE if frame_type == Type.ZERO else 0):
        raise Refused("UNSUPPORTED", f"dflags 0x{block.dflags:02x}", Rule("3", "may deallocate; other bits 0"))
    if frame_type != Type.TEST and block.offset % SECTOR:
        raise Refused("RANGE", f"offset {block.offset}", Rule("3", "byte offset on the volume"))


def parse_ack(payload):
    """received_seq and the entries (volume, durable_seq, limit_bytes) of a DURABLE_ACK."""
    received_seq, count = struct.unpack_from("<QH", payload)
    if len(payload) != ACK_HEADER_LEN + count * ACK_ENTRY_LEN:
        raise Refused("PROTOCOL", f"DURABLE_ACK with {count} entries in {len(payload)} bytes")
    entries = list(struct.iter_unpack("<H6xQQ", payload[ACK_HEADER_LEN:]))
    if any(earlier[0] >= later[0] for earlier, later in zip(entries, entries[1:])):
        raise Refused("PROTOCOL", "the entries of DURABLE_ACK do not ascend by volume")
    return received_seq, entries


@dataclass(frozen=True)
class HashRange:
    """The first 24 bytes of HASH_OFFER and HASH_DIFF: which blocks of a volume they are about."""

    volume: int
    flags: int
    block_shift: int
    first_block: int
    count: int

    def pack(self, algorithm=SHA_256):
        return struct.pack("<HBBIQII", self.volume, algorithm, self.flags, self.block_shift, self.first_block,
                           self.count, 0)

    def offer(self, blocks):
        """The payload of HASH_OFFER for the content of each block."""
        zeros = [not any(block) for block in blocks]
        hashes = [block_hash(block, self.block_shift) for block, zero in zip(blocks, zeros) if not zero]
        return self.pack() + pack_bits(zeros) + b"".join(hashes)


def block_hash(block, block_shift):
    """That of 1 MiB is the hash of the hashes of its blocks of 64 KiB."""
    if block_shift == LEAF_SHIFT:
        return hashlib.sha256(block).digest()
    leaf = 1 << LEAF_SHIFT
    return hashlib.sha256(b"".join(hashlib.sha256(block[at:at + leaf]).digest()
                                   for at in range(0, len(block), leaf))).digest()


def pack_bits(bits):
    octets = bytearray((len(bits) + 7) // 8)
    for number, bit in enumerate(bits):
        octets[number // 8] |= bit << number % 8
    return bytes(octets)


def _parse_hash_head(payload):
    """The range, and the list of bits of the bitmap after it."""
    if len(payload) < HASH_HEAD_LEN:
        raise Refused("LIMIT", f"{len(payload)} bytes of a head of {HASH_HEAD_LEN}")
    volume, algorithm, flags, shift, first_block, count, _ = struct.unpack_from("<HBBIQII", payload)
    shift &= 0xFF
    if algorithm != SHA_256 or flags > REPORT_ONLY:
        raise Refused("UNSUPPORTED", f"algorithm {algorithm} flags {flags}")
    if shift not in (LEAF_SHIFT, TREE_SHIFT) or not 1 <= count <= HASHES_MAX:
        raise Refused("LIMIT", f"block_shift {shift} count {count}")
    if first_block >> 43:
        raise Refused("RANGE", f"first_block {first_block}")
    octets = payload[HASH_HEAD_LEN:HASH_HEAD_LEN + (count + 7) // 8]
    bits = [octet >> bit & 1 for octet in octets for bit in range(8)]
    if len(bits) < count or any(bits[count:]):
        raise Refused("LIMIT", f"a bitmap of {len(octets)} bytes for {count} blocks, or bits beyond them")
    return HashRange(volume, flags, shift, first_block, count), bits[:count]


def parse_offer(payload):
    """The range of a HASH_OFFER, the numbers of its zero blocks, counted from its first, and the hashes of the others."""
    blocks, zeros = _parse_hash_head(payload)
    hashes = blocks.count - sum(zeros)
    if len(payload) != HASH_HEAD_LEN + (blocks.count + 7) // 8 + hashes * HASH_LEN:
        raise Refused("LIMIT", f"payload_len {len(payload)} for {hashes} hashes")
    return blocks, {number for number, bit in enumerate(zeros) if bit}, payload[len(payload) - HASH_LEN * hashes:]


def differing_blocks(content, blocks, zeros, hashes):
    """For each block of an offer whether the disk with this content has another one."""
    differing = []
    for number in range(blocks.count):
        at = (blocks.first_block + number) << blocks.block_shift
        held = content[at:at + (1 << blocks.block_shift)]
        if number in zeros:
            differing.append(any(held))
        else:
            differing.append(hashes[:HASH_LEN] != block_hash(held, blocks.block_shift))
            hashes = hashes[HASH_LEN:]
    return differing


def parse_diff(payload):
    """The range of a HASH_DIFF and the numbers of its differing blocks, counted from its first."""
    blocks, differing = _parse_hash_head(payload)
    if len(payload) != HASH_HEAD_LEN + (blocks.count + 7) // 8:
        raise Refused("LIMIT", f"payload_len {len(payload)} for {blocks.count} blocks")
    return blocks, [number for number, bit in enumerate(differing) if bit]


_FORM = Rule("5.1", "a required member that is missing")
_BOUNDS = Rule("5.1", "these bounds hold inside unknown members too")


def parse_body(frame_type, payload):
    """The object of a JSON payload, checked as section 5.1 and its schema want it."""
    try:
        body = json.loads(payload.decode("utf-8"), object_pairs_hook=_object_without_repeats, parse_int=_number(int),
                          parse_float=_number(float), parse_constant=_no_constant)
    except RecursionError:
        raise Refused("LIMIT", "JSON too deep", _BOUNDS) from None
    except ValueError as e:
        raise Refused("PROTOCOL", f"not JSON: {e}", _FORM) from None
    if not isinstance(body, dict):
        raise Refused("PROTOCOL", "not a JSON object", _FORM)
    _check_depth(body, 1)
    name = Type(frame_type).name
    found = list(violations(schema_of(name), body, name))
    if found:
        raise Refused("PROTOCOL", "; ".join(violation.text for violation in found), found[0].rule)
    return body


def _object_without_repeats(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Refused("PROTOCOL", "a member is given twice", _FORM)
    return members


def _number(convert):
    def parse(text):
        if len(text) > JSON_NUMBER_MAX:
            raise Refused("LIMIT", f"a number of {len(text)} characters", _BOUNDS)
        return convert(text)
    return parse


def _no_constant(text):
    raise ValueError(text)


def _check_depth(value, depth):
    """depth is that of value if it is an object or array: the body itself is 1 deep."""
    if isinstance(value, str):
        if utf16_len(value) > JSON_STRING_MAX:
            raise Refused("LIMIT", f"a string of {utf16_len(value)} characters", _BOUNDS)
    elif isinstance(value, (dict, list)):
        if depth > JSON_DEPTH_MAX:
            raise Refused("LIMIT", f"nested deeper than {JSON_DEPTH_MAX}", _BOUNDS)
        for key in value if isinstance(value, dict) else ():
            _check_depth(key, depth)
        for element in value.values() if isinstance(value, dict) else value:
            _check_depth(element, depth + 1)


# --- Certificates ----------------------------------------------------------------------------------------------------

def _der(octets, at):
    """Tag, begin of content and end of the DER element at `at`."""
    tag, length, begin = octets[at], octets[at + 1], at + 2
    if length >= 0x80:
        count = length & 0x7F
        length, begin = int.from_bytes(octets[begin:begin + count], "big"), begin + count
    return tag, begin, begin + length


def _der_time(octets, at):
    tag, begin, end = _der(octets, at)
    text = octets[begin:end].decode("ascii")
    if tag == 0x17:  # UTCTime has two digits of the year
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc), end


def read_certificate(der):
    """The SubjectPublicKeyInfo of a DER certificate, and the dates between which it is valid."""
    _, at, _ = _der(der, 0)         # Certificate
    _, at, _ = _der(der, at)        # TBSCertificate
    if der[at] == 0xA0:             # version, optional
        at = _der(der, at)[2]
    for _ in ("serialNumber", "signature", "issuer"):
        at = _der(der, at)[2]
    _, validity, at = _der(der, at)
    not_before, next_at = _der_time(der, validity)
    not_after, _ = _der_time(der, next_at)
    at = _der(der, at)[2]           # subject
    return der[at:_der(der, at)[2]], not_before, not_after


def pin_of(der):
    return "sha256:" + hashlib.sha256(read_certificate(der)[0]).hexdigest()


def _check_server(der, pins):
    _, not_before, not_after = read_certificate(der)
    if pin_of(der) not in pins:
        raise WrongPin(f"the server's pin {pin_of(der)} is none of {sorted(pins)}")
    now = datetime.now(timezone.utc)
    if not not_before - CLOCK_TOLERANCE <= now <= not_after + CLOCK_TOLERANCE:
        raise SessionEnded(f"the server's certificate is valid from {not_before} to {not_after}")


# --- Connections -----------------------------------------------------------------------------------------------------

@dataclass
class Endpoint:
    """Where the server is and how both sides know each other. Every connection has its own full handshake."""

    host: str
    port: int
    certificate: str
    key: str
    pins: frozenset
    timeout: float = 10

    def context(self, alpn=ALPN):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the pin is compared instead, in connect()
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE+AESGCM")
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
        if alpn:
            context.set_alpn_protocols([alpn])
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def connect(self, name, accepts):
        tls = tls_connect(self, self.context())
        try:
            if tls.selected_alpn_protocol() != ALPN:
                raise SessionEnded(f"the server chose ALPN {tls.selected_alpn_protocol()}")
            _check_server(tls.getpeercert(binary_form=True), self.pins)
        except BaseException:
            tls.close()
            raise
        return Connection(tls, name, accepts)


def tls_connect(endpoint, context, session=None):
    """A connection after its handshake, with nothing checked yet."""
    plain = socket.create_connection((endpoint.host, endpoint.port), endpoint.timeout)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Without suppress_ragged_eofs=False an end without close_notify would look like one with it.
        return context.wrap_socket(plain, suppress_ragged_eofs=False, session=session)
    except BaseException:
        plain.close()
        raise


class Connection:
    """Frames in and out of one TLS connection, numbered. Only pump() touches the socket after the handshake.

    `ended` tells how the server ended it: "close_notify", "cut" (TCP ended without it), "reset", or our own "closed".
    """

    def __init__(self, tls, name, accepts):
        self.tls, self.name, self.accepts = tls, name, accepts
        self.raw_len_max = RAW_LEN_MAX
        self.frames = deque()
        self.errors = []       # bodies of ERROR, as they came
        self.log = []          # what came, in words, for messages of failed tests
        self.sent = deque(maxlen=SENT_KEPT)  # types and words of what was sent last, for the same
        self.ended = None
        self.refused = None    # why the peer's input was refused
        self.next_seq = 1
        self.last_received = time.monotonic()
        self.last_sent = self.last_received
        self._next_received_seq = 1
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._write_failed = False
        tls.setblocking(False)

    @property
    def unsent(self):
        return len(self._outgoing)

    def send(self, frame_type, payload=b"", fields=b"", *, seq=None, **how):
        """Queues one frame and returns its seq. `how` is handed to encode; another seq than the next is for tests."""
        seq = self.next_seq if seq is None else seq
        self.next_seq = seq + 1
        self.last_sent = time.monotonic()
        name = Type(frame_type).name if frame_type in KNOWN_TYPES else f"type 0x{frame_type:02x}"
        self.sent.append((name, _sent_words(name, frame_type, seq, payload, fields, how)))
        self._queue(encode(frame_type, seq, payload, fields, **how))
        return seq

    def send_json(self, frame_type, body, **how):
        return self.send(frame_type, json_bytes(body), **how)

    def send_raw(self, octets):
        self.sent.append(("bytes", f"{len(octets)} bytes {octets[:40].hex()}{'...' if len(octets) > 40 else ''}"))
        self._queue(octets)

    def _queue(self, octets):
        if not self._write_failed:
            self._outgoing += octets

    def refuse(self, refused):
        """Meets bad input of the server: tells it the code and takes no more from it."""
        self.send_json(Type.ERROR, {"code": CODES[refused.code], "name": refused.code, "text": refused.text[:256]})
        self.write()
        self.refused = self.refused or refused
        self.ended = self.ended or f"refused by the agent: {refused}"

    def close(self):
        """Ends the connection at once, with close_notify if the socket takes it."""
        if self.tls is None:
            return
        try:
            self.tls.unwrap()
        except (OSError, ValueError):
            pass
        self.cut()

    def cut(self):
        """Ends the connection at once, without close_notify."""
        if self.tls is not None:
            self.tls.close()
        self.tls = None
        self.ended = self.ended or "closed"

    def write(self):
        while self._outgoing and self.tls is not None:
            try:
                sent = self.tls.send(memoryview(self._outgoing)[:65536])
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            except (OSError, ValueError):
                # The server may have closed after an ERROR that is still to be read: reading decides, not writing.
                self._write_failed = True
                self._outgoing = bytearray()  # the exception still holds a view of the former one
                return
            del self._outgoing[:sent]

    def read(self):
        while not self.ended:
            try:
                octets = self.tls.recv(262144)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except ssl.SSLZeroReturnError:
                octets = b""
            except ssl.SSLEOFError:
                self.ended = "cut"
                break
            except (ssl.SSLError, OSError) as e:
                self.ended = "reset" if isinstance(e, ConnectionError) else f"broken: {e}"
                break
            if not octets:
                self.ended = "close_notify"
                break
            self.last_received = time.monotonic()
            self._incoming += octets
        try:
            self._take_frames()
        except Refused as e:
            self.refuse(e)

    def _take_frames(self):
        while self._take_frame():
            pass

    def _take_frame(self):
        """Takes the next frame, if it is whole."""
        found = decode(self._incoming, self._next_received_seq, self.accepts, self.raw_len_max)
        if not found:
            return False
        frame, length = found
        del self._incoming[:length]
        self._next_received_seq += 1
        if not frame.ignorable:
            self.frames.append(frame)
        return True


def _sent_words(name, frame_type, seq, payload, fields, how):
    """A frame that is sent, in words; `how` is what makes it wrong."""
    words = [f"{name} seq={seq}"]
    if frame_type in BLOCK_TYPES and len(fields) >= DATA_HEADER_LEN_MIN - HEADER_LEN_MIN:
        f = DataFields.of(fields)
        words.append(f"volume={f.volume} codec={f.codec} dflags={f.dflags} raw_len={f.raw_len} offset={f.offset} "
                     f"epoch={f.epoch} " + (f"length={f.length}" if frame_type == Type.ZERO
                                            else f"raw_crc32c=0x{f.raw_crc32c:08x}"))
    if frame_type in JSON_TYPES and payload:
        words.append(bytes(payload[:160]).decode(errors="replace") + ("..." if len(payload) > 160 else ""))
    elif payload:
        words.append(f"payload_len={len(payload)}")
    words += [f"{key}={value}" for key, value in how.items()]
    return " ".join(words)


def pump(connections, timeout):
    """Moves bytes on all connections, waiting at most timeout seconds until some can be moved."""
    live = [c for c in connections if c.tls is not None and not c.ended]
    if not live:
        time.sleep(timeout)
        return
    buffered = any(c.tls.pending() for c in live)
    writers = [c.tls for c in live if c.unsent]
    readable, writable, _ = select.select([c.tls for c in live], writers, [], 0 if buffered else timeout)
    for c in live:
        if c.tls in writable:
            c.write()
        if c.tls in readable or c.tls.pending():
            c.read()


# --- Flow and session ------------------------------------------------------------------------------------------------

class Flow:
    """What one data connection may send. Counts as section 8 says: bytes for each volume, frames for all of them.

    Invariants: what was sent to a volume never exceeds its limit; limits and durable seqs only grow.
    """

    def __init__(self, window_bytes, unacked_frames_max):
        self.window_bytes, self.unacked_frames_max = window_bytes, unacked_frames_max
        self.received_seq = 0
        self.unacked_frames = 0
        self.sent_bytes = {}
        self.durable_seq = {}
        self._limit_bytes = {}
        self._unacked = {}  # volume -> deque of seq

    def limit_bytes(self, volume):
        return self._limit_bytes.get(volume, self.window_bytes)

    def has_room(self, volume, cost):
        return self.unacked_frames < self.unacked_frames_max \
            and self.sent_bytes.get(volume, 0) + cost <= self.limit_bytes(volume)

    def sent(self, volume, seq, cost):
        self.sent_bytes[volume] = self.sent_bytes.get(volume, 0) + cost
        self._unacked.setdefault(volume, deque()).append(seq)
        self.unacked_frames += 1

    def acknowledge(self, received_seq, entries):
        self.received_seq = received_seq
        for volume, durable_seq, limit_bytes in entries:
            if durable_seq < self.durable_seq.get(volume, 0) or limit_bytes < self.limit_bytes(volume):
                raise Refused("PROTOCOL", f"volume {volume} went back: durable_seq {durable_seq} after "
                              f"{self.durable_seq.get(volume, 0)}, limit_bytes {limit_bytes} after "
                              f"{self.limit_bytes(volume)}")
            self.durable_seq[volume] = durable_seq
            self._limit_bytes[volume] = limit_bytes
            waiting = self._unacked.get(volume, deque())
            while waiting and waiting[0] <= durable_seq:
                waiting.popleft()
                self.unacked_frames -= 1


@dataclass(frozen=True)
class Disk:
    device_name: str
    size_bytes: int
    block_size_bytes: int = 512

    def json(self):
        return {"deviceName": self.device_name, "sizeBytes": self.size_bytes, "blockSizeBytes": self.block_size_bytes}


@dataclass
class Stream:
    """One data connection of the session."""

    connection: Connection
    flow: Flow = None
    raw_len_max: int = 0
    fence_seq: int = 0


INSTANCE = secrets.token_hex(16)  # once for each start of the process, as section 5.1 wants it


def hello_body(source_server_id, disks, streams=1, instance=INSTANCE, features=()):
    body = {"versions": [1], "sourceServerId": source_server_id, "instance": instance, "streams": streams,
            "disks": [disk.json() for disk in disks]}
    return {**body, "features": list(features)} if features else body


class Session:
    """One control connection and its data connections.

    hello → attach → (open_epoch → send_block / send_zero → fence → commit)* → bye. Each waits for its answer
    with wait(), which raises SessionEnded at the first ERROR or end of a connection. Tests that look for errors use
    the steps below it: begin_..., step() and Connection.errors.
    """

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.control = endpoint.connect("control", TO_AGENT_CONTROL)
        self.streams = []
        self.welcome = None
        self.goaway = None
        self.epoch = None
        self.epoch_statuses = []
        self.hash_diffs = []
        self.pongs = 0
        self.progresses = []   # what each PROGRESS said that is waited for
        self.commit_requests = 0
        self._last_ping = time.monotonic()

    @property
    def connections(self):
        return [self.control] + [stream.connection for stream in self.streams]

    # Steps

    def step(self, timeout=0.1):
        """Moves bytes and handles what came."""
        pump(self.connections, timeout)
        for connection in self.connections:
            while connection.frames:
                try:
                    self._handle(connection, connection.frames.popleft())
                except Refused as e:
                    connection.refuse(e)
        self._keep_alive()

    def wait(self, done, what, seconds=None):
        """Steps until done() holds. Without a limit of seconds the session's liveness alone bounds the wait."""
        end = None if seconds is None else time.monotonic() + seconds
        while not done():
            self.check()
            if end is not None and time.monotonic() > end:
                raise SessionEnded(f"{what}: nothing within {seconds} s")
            self.step()

    def check(self):
        """Raises if the session has ended, or was told to."""
        for connection in self.connections:
            for body in connection.errors:
                raise SessionEnded(f"ERROR on {connection.name}: {describe_error(body)}")
        for connection in self.connections:
            if connection.ended:
                raise SessionEnded(f"{connection.name} ended: {connection.ended}")
        if self.goaway:
            raise GoingAway(self.goaway)

    def _handle(self, connection, frame):
        connection.log.append(frame.name)
        match frame.type:
            case Type.PING:
                connection.send(Type.PONG)
            case Type.PONG:
                self.pongs += 1
            case Type.PROGRESS:
                self.progresses.append(frame.json()["waitingFor"])
                connection.log[-1] = f"PROGRESS {self.progresses[-1]}"
            case Type.ERROR:
                connection.errors.append(frame.json())
                connection.log[-1] = f"ERROR {describe_error(connection.errors[-1])}"
            case Type.GOAWAY:
                self.goaway = frame.json()
            case Type.WELCOME:
                self.welcome = frame.json()
                connection.accepts = connection.accepts - {Type.WELCOME}
                for feature, frame_type in ((HASH_OFFER, Type.HASH_DIFF), (COMMIT_REQUEST, Type.COMMIT_REQUEST)):
                    if self.grants(feature):
                        connection.accepts = connection.accepts | {frame_type}
            case Type.EPOCH_STATUS:
                self.epoch_statuses.append(frame.json())
                connection.log[-1] = f"EPOCH_STATUS {frame.payload.decode()}"
            case Type.HASH_DIFF:
                self.hash_diffs.append(parse_diff(frame.payload))
            case Type.COMMIT_REQUEST:
                frame.json()
                self.commit_requests += 1
            case Type.ATTACHED:
                self._attached(connection, frame.json())
            case Type.DURABLE_ACK:
                self._stream_of(connection).flow.acknowledge(*frame.ack())

    def _stream_of(self, connection):
        stream = next(s for s in self.streams if s.connection is connection)
        if stream.flow is None:
            raise Refused("STATE", "DURABLE_ACK before ATTACHED")
        return stream

    def _attached(self, connection, body):
        stream = next(s for s in self.streams if s.connection is connection)
        stream.flow = Flow(body["windowBytes"], body["unackedFramesMax"])
        stream.raw_len_max = body["rawLenMax"]

    def _keep_alive(self):
        now = time.monotonic()
        for connection in self.connections:
            if not connection.ended and now - connection.last_received > DEAD_AFTER_SECONDS:
                raise SessionEnded(f"nothing on {connection.name} for {DEAD_AFTER_SECONDS} s")
        if self.welcome and not self.control.ended and now - self.control.last_received > PING_AFTER_SECONDS \
                and now - self._last_ping > PING_AFTER_SECONDS:
            self.control.send(Type.PING)
            self._last_ping = now
        for stream in self.streams:
            if stream.flow and not stream.connection.ended and now - stream.connection.last_sent > PING_AFTER_SECONDS:
                stream.connection.send(Type.PING)

    def grants(self, feature):
        return feature in self.welcome["features"]

    # The conversation

    def send_source_status(self, backlogs, source_millis=0, network_millis=0, window_millis=0):
        """Tells the backlog in bytes of each volume index, and the waits since WELCOME; if the feature is granted."""
        if self.grants(SOURCE_STATUS):
            self.control.send_json(Type.SOURCE_STATUS, {
                "volumes": [{"index": index, "backlogBytes": size} for index, size in backlogs.items()],
                "waits": {"sourceMillis": source_millis, "networkMillis": network_millis,
                          "windowMillis": window_millis}})

    def compare(self, blocks, content):
        """Offers the hashes of blocks with this content; the numbers of those that differ, counted from the first."""
        answers = len(self.hash_diffs)
        self.control.send(Type.HASH_OFFER, blocks.offer(content))
        self.wait(lambda: len(self.hash_diffs) > answers, "HASH_DIFF")
        answered, differing = self.hash_diffs[-1]
        if answered != blocks:
            raise SessionEnded(f"HASH_DIFF of {answered}, offered were {blocks}")
        return differing

    def hello(self, body):
        self.control.send_json(Type.HELLO, body)
        self.wait(lambda: self.welcome, "WELCOME")
        return self.welcome

    def add_connection(self):
        """Opens one more data connection and sends nothing on it yet."""
        stream = Stream(self.endpoint.connect(f"data {len(self.streams)}", TO_AGENT_DATA))
        self.streams.append(stream)
        return stream

    def begin_attach(self, number, generation=None):
        stream = self.add_connection()
        generation = generation or self.welcome["generation"]
        stream.connection.send_json(Type.ATTACH, {"generation": generation, "stream": number})
        return stream

    def attach(self):
        for number in range(self.welcome["streams"]):
            self.begin_attach(number)
        self.wait(lambda: all(s.flow for s in self.streams), "ATTACHED", 15)

    @property
    def volumes(self):
        return {volume["deviceName"]: volume for volume in self.welcome["volumes"]}

    @property
    def region_bytes(self):
        return 1 << self.welcome["regionShift"]

    def stream_of(self, volume, offset):
        """Number of the stream that the region at offset belongs to."""
        return (volume + (offset >> self.welcome["regionShift"])) % self.welcome["streams"]

    def next_epoch(self):
        return max(int(volume["committedEpoch"]) for volume in self.welcome["volumes"]) + 1

    def open_epoch(self, epoch, fuzzy=False, estimated_bytes=0):
        self.begin_epoch(epoch, fuzzy, estimated_bytes)
        self.wait(lambda: self.has_status(epoch, False), "EPOCH_STATUS open")

    def begin_epoch(self, epoch, fuzzy=False, estimated_bytes=0):
        self.epoch = epoch
        return self.control.send_json(
            Type.EPOCH_OPEN, {"epoch": str(epoch), "fuzzy": fuzzy, "estimatedBytes": estimated_bytes})

    def has_status(self, epoch, committed):
        return any(s["epoch"] == str(epoch) and s["committed"] == committed for s in self.epoch_statuses)

    def can_send(self, volume, offset, cost):
        """Whether a frame that counts cost bytes may be sent now. GOAWAY forbids new ones."""
        stream = self.streams[self.stream_of(volume, offset)]
        return not self.goaway and stream.flow.has_room(volume, cost) and stream.connection.unsent < UNSENT_BYTES_MAX

    def send_block(self, volume, offset, raw, compress=True):
        """Queues DATA; the caller has asked can_send. Returns the bytes of payload."""
        raw = bytes(raw)  # private: CRC and payload must be of the same bytes
        payload = lz4_compress(raw) if compress else raw
        codec = LZ4 if len(payload) < len(raw) else STORED
        payload = payload if codec == LZ4 else raw
        self._send_block(Type.DATA, DataFields(volume, codec, 0, len(raw), offset, self.epoch, crc32c(raw)), payload,
                         len(raw))
        return len(payload)

    def send_zero(self, volume, offset, length, dflags=0):
        """Queues ZERO; the caller has asked can_send with ZERO_COST."""
        self._send_block(Type.ZERO, DataFields(volume, 0, dflags, 0, offset, self.epoch, length), b"", ZERO_COST)

    def _send_block(self, frame_type, fields, payload, cost):
        stream = self.streams[self.stream_of(fields.volume, fields.offset)]
        seq = stream.connection.send(frame_type, payload, fields.pack())
        stream.flow.sent(fields.volume, seq, cost)

    def fence(self):
        for stream in self.streams:
            stream.fence_seq = stream.connection.send(Type.FENCE, struct.pack("<Q", self.epoch))

    def begin_commit(self, fences=None):
        fences = [stream.fence_seq for stream in self.streams] if fences is None else fences
        return self.control.send_json(Type.EPOCH_COMMIT, {
            "epoch": str(self.epoch), "fences": [str(seq) for seq in fences],
            "markTimeMillis": int(time.time() * 1000)})

    def commit(self):
        """Waits as long as the server shows that it lives: a slow device is no reason to begin again."""
        self.begin_commit()
        self.wait(lambda: self.has_status(self.epoch, True), "EPOCH_STATUS committed")

    def drain(self, seconds):
        """Waits until all that was sent is acknowledged; True if it is."""
        end = time.monotonic() + seconds
        while any(s.flow.unacked_frames for s in self.streams) and time.monotonic() < end \
                and not any(c.ended for c in self.connections):
            self.step()
        return not any(s.flow.unacked_frames for s in self.streams)

    def bye(self, reason="done", seconds=30):
        """Sends BYE and waits until the server has closed every connection; returns how each ended."""
        self.control.send_json(Type.BYE, {"reason": reason})
        end = time.monotonic() + seconds
        while not all(c.ended for c in self.connections):
            if time.monotonic() > end:
                raise SessionEnded(f"BYE: not closed within {seconds} s")
            self.step()
        ends = [c.ended for c in self.connections]
        self.close()
        return ends

    def close(self):
        for connection in self.connections:
            connection.close()


def describe_error(body):
    """An ERROR body in words, code and name first."""
    name = NAMES.get(body["code"], "unknown")
    rest = " ".join(f"{key}={body[key]}" for key in ("seq", "volume", "offset", "text") if key in body)
    return f"{name} ({body['code']}) {rest}".rstrip()
