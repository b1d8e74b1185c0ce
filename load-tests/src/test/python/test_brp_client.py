"""Tests of the agent's side: bytes against the golden frames and schemas, conversation against a loopback stub.

Run in this folder: python3 -m unittest
"""

import contextlib
import io
import random
import shutil
import struct
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import main_path  # noqa: F401  before what it makes known
import brp_client
import identities
import make_golden
import sync_image
from brp_client import (DataFields, Disk, Endpoint, Flow, Refused, Session, SessionEnded, Type, crc32c, lz4_compress,
                        lz4_expand)
from specification import PROTOCOL, schema_of
from stub_server import StubServer

SEED = 20260117


class Crc32cTest(unittest.TestCase):

    def test_vector_of_the_document(self):
        self.assertEqual(0xE3069283, crc32c(b"123456789"))

    def test_agrees_with_the_bitwise_definition(self):
        octets = random.Random(SEED).randbytes(1000)
        for length in (0, 1, 3, 4, 5, 999, 1000):
            self.assertEqual(make_golden.crc32c(octets[:length]), crc32c(octets[:length]))


class Lz4Test(unittest.TestCase):

    def check(self, raw):
        self.assertEqual(raw, lz4_expand(lz4_compress(raw), len(raw)))

    def test_short_blocks(self):
        for length in range(64):
            self.check(b"a" * length)
            self.check(bytes(range(length)))

    def test_blocks_at_the_bounds_of_length_bytes(self):
        noise = random.Random(SEED).randbytes(600)
        for literals in (14, 15, 16, 269, 270, 271, 524, 525, 526):
            for match in (18, 19, 20, 273, 274, 275, 528, 529, 530):
                self.check(noise[:literals] + noise[:1] * match + noise[:12])

    def test_random_blocks(self):
        source = random.Random(SEED)
        for _ in range(60):
            words = [source.randbytes(source.randrange(1, 40)) for _ in range(source.randrange(1, 30))]
            self.check(b"".join(source.choices(words, k=source.randrange(300))))

    def test_matches_farther_than_65535_are_not_used(self):
        noise = random.Random(SEED).randbytes(66000)
        self.check(noise + noise)

    def test_end_of_block_rules(self):
        for raw in (bytes(100), b"abcd" * 50, bytes(13), bytes(12)):
            match_starts, last_literals = lz4_shape(lz4_compress(raw))
            self.assertTrue(all(start <= len(raw) - 12 for start in match_starts))
            self.assertGreaterEqual(last_literals, 5)


def lz4_shape(block):
    """Where the matches of a block start in its expansion, and how many literals end it."""
    at = position = 0
    starts = []

    def length(nibble):
        nonlocal at
        total = nibble
        while nibble == 15:
            total += block[at]
            at += 1
            if block[at - 1] != 255:
                break
        return total

    while True:
        token = block[at]
        at += 1
        literals = length(token >> 4)
        at, position = at + literals, position + literals
        if at == len(block):
            return starts, literals
        at += 2
        starts.append(position)
        position += length(token & 15) + 4


class GoldenTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.text = (PROTOCOL / "golden" / "frames.txt").read_text(encoding="utf-8")
        cls.blocks = [parse_block(block) for block in cls.text.split("\n\n")[1:]]

    def test_file_is_what_the_script_prints(self):
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with contextlib.redirect_stdout(out):
            make_golden.main()
        out.flush()
        self.assertEqual(self.text, out.buffer.getvalue().decode())

    def test_every_type_is_there(self):
        shown = {block["is"].split()[0] for block in self.blocks if "refused" not in block}
        self.assertEqual({t.name for t in Type} | {"ignorable"}, shown)

    def test_good_frames_decode_to_their_words(self):
        for block in self.blocks:
            if "refused" in block:
                continue
            with self.subTest(block["name"]):
                frame, length = brp_client.decode(block["octets"])
                self.assertEqual(len(block["octets"]), length)
                self.assertEqual(block["is"], in_words(frame))

    def test_good_frames_wait_for_their_last_byte(self):
        for block in self.blocks:
            if "refused" not in block:
                self.assertIsNone(brp_client.decode(block["octets"][:-1]), block["name"])

    def test_good_frames_encode_to_the_same_bytes(self):
        for block in self.blocks:
            if "refused" in block or "reserved" in block["name"]:
                continue
            with self.subTest(block["name"]):
                frame, _ = brp_client.decode(block["octets"])
                payload = brp_client.json_bytes(frame.json()) if frame.type in brp_client.JSON_TYPES else frame.payload
                fields = frame.fields
                if frame.type in brp_client.BLOCK_TYPES:
                    fields = DataFields.of(fields).pack() + fields[32:]
                self.assertEqual(block["octets"], brp_client.encode(frame.type, frame.seq, payload, fields))

    def test_bad_frames_are_refused_as_their_line_says(self):
        for block in self.blocks:
            self.assertEqual("refused" in block, block["name"].startswith("bad-"), block["name"])
            if "refused" not in block:
                continue
            with self.subTest(block["name"]):
                with self.assertRaises(Refused) as raised:
                    take_whole(block["octets"])
                self.assertEqual(block["refused"], raised.exception.code, raised.exception)

    def test_every_json_type_has_a_schema(self):
        schemas = {path.name for path in (PROTOCOL / "schemas").iterdir()}
        self.assertEqual(schemas, {f"{t.name.lower().replace('_', '-')}.schema.json" for t in brp_client.JSON_TYPES})
        for frame_type in brp_client.JSON_TYPES:
            self.assertEqual(frame_type.name, schema_of(frame_type.name)["title"])


class SchemaTest(unittest.TestCase):
    """What a body must be, by examples; each with the words of the rule that it breaks."""

    STATUS = {"epoch": "1", "committed": True}

    def refusal(self, frame_type, body):
        with self.assertRaises(Refused) as raised:
            brp_client.parse_body(frame_type, brp_client.json_bytes(body))
        return raised.exception

    def test_members_that_are_not_known_are_allowed(self):
        body = {**self.STATUS, "grease": {"epoch": 1}, "x" * 1024: None}
        self.assertEqual(body, brp_client.parse_body(Type.EPOCH_STATUS, brp_client.json_bytes(body)))

    def test_what_is_missing_or_of_another_type_is_told_with_its_place(self):
        for body, told in (({"epoch": "1"}, "EPOCH_STATUS.committed is missing"),
                           ({**self.STATUS, "epoch": 1}, "EPOCH_STATUS.epoch is not of type string"),
                           ({**self.STATUS, "committed": None}, "EPOCH_STATUS.committed is not of type boolean"),
                           ({**self.STATUS, "committed": 1}, "EPOCH_STATUS.committed is not of type boolean")):
            with self.subTest(told):
                refused = self.refusal(Type.EPOCH_STATUS, body)
                self.assertEqual(("PROTOCOL", told), (refused.code, refused.text))
                self.assertIn("a required member that is missing", refused.rule.words)

    def test_numbers_of_64_bits_and_lengths_are_as_section_5_1_says(self):
        for epoch in ("", "1" * 21, "1\n", "-1", str(1 << 63)):
            with self.subTest(epoch):
                self.assertIn("EPOCH_STATUS.epoch", self.refusal(Type.EPOCH_STATUS, {**self.STATUS, "epoch": epoch}).text)
        brp_client.parse_body(Type.BYE, brp_client.json_bytes({"reason": "\N{GRINNING FACE}" * 32}))
        self.assertIn("BYE.reason is out of bounds: 66",
                      self.refusal(Type.BYE, {"reason": "\N{GRINNING FACE}" * 33}).text)


def parse_block(text):
    block = {"octets": b""}
    for line in text.splitlines():
        key, _, value = line.partition(": ")
        if key == "hex":
            block["octets"] += bytes.fromhex(value)
        else:
            block[key] = value
    return block


def in_words(frame):
    words = f"{frame.name} seq={frame.seq} header_len={32 + len(frame.fields)}"
    if frame.type in brp_client.JSON_TYPES:
        return f"{words} {brp_client.json_bytes(frame.json()).decode()}"
    if frame.ignorable:
        return f"ignorable type=0x{frame.type:02x} seq={frame.seq} header_len={32 + len(frame.fields)} " \
               f"payload_len={len(frame.payload)}"
    if frame.type == Type.DATA:
        f = DataFields.of(frame.fields)
        raw = lz4_expand(frame.payload, f.raw_len) if f.codec else frame.payload
        return f"{words} volume={f.volume} codec={f.codec} dflags={f.dflags} raw_len={f.raw_len} offset={f.offset} " \
               f"epoch={f.epoch} raw_crc32c=0x{crc32c(raw):08x} payload_len={len(frame.payload)}"
    if frame.type == Type.TEST:
        f = DataFields.of(frame.fields)
        raw = lz4_expand(frame.payload, f.raw_len) if f.codec else frame.payload
        return f"{words} codec={f.codec} dflags={f.dflags} raw_len={f.raw_len} raw_crc32c=0x{crc32c(raw):08x} " \
               f"payload_len={len(frame.payload)}"
    if frame.type == Type.ZERO:
        f = DataFields.of(frame.fields)
        return f"{words} volume={f.volume} dflags={f.dflags} offset={f.offset} length={f.length} epoch={f.epoch}"
    if frame.type == Type.FENCE:
        return f"{words} epoch={struct.unpack('<Q', frame.payload)[0]}"
    if frame.type == Type.DURABLE_ACK:
        received, entries = frame.ack()
        return f"{words} received_seq={received} entries={len(entries)}" + "".join(
            f" volume={v} durable_seq={d} limit_bytes={b}" for v, d, b in entries)
    if frame.type in (Type.HASH_OFFER, Type.HASH_DIFF):
        offer = frame.type == Type.HASH_OFFER
        r, bits = brp_client.parse_offer(frame.payload)[:2] if offer else brp_client.parse_diff(frame.payload)
        return f"{words} volume={r.volume} flags={r.flags} block_shift={r.block_shift} first_block={r.first_block} " \
               f"count={r.count} {'zeros' if offer else 'differing'}={len(bits)}"
    return words


def take_whole(octets):
    """Decodes a frame, its body and its block, as a receiver would."""
    found = brp_client.decode(octets)
    assert found, "the frame is not whole, and its header was not refused"
    frame = found[0]
    if frame.type in brp_client.JSON_TYPES:
        frame.json()
    if frame.type == Type.HASH_OFFER:
        brp_client.parse_offer(frame.payload)
    if frame.type == Type.HASH_DIFF:
        brp_client.parse_diff(frame.payload)
    if frame.type in (Type.DATA, Type.TEST):
        f = DataFields.of(frame.fields)
        try:
            raw = lz4_expand(frame.payload, f.raw_len) if f.codec else frame.payload
        except ValueError as e:
            raise Refused("INTEGRITY", str(e)) from None
        if crc32c(raw) != f.raw_crc32c:
            raise Refused("INTEGRITY", "CRC differs")


class SequenceTest(unittest.TestCase):

    def test_checks_come_in_the_order_of_section_3(self):
        def code_of(**how):
            with self.assertRaises(Refused) as raised:
                brp_client.decode(brp_client.encode(how.pop("type", 0x50), 9, **how), seq=1, accepts={Type.HELLO})
            return raised.exception.code
        self.assertEqual("PROTOCOL", code_of(flags=1))
        self.assertEqual("SEQUENCE", code_of())
        with self.assertRaisesRegex(Refused, "UNSUPPORTED"):
            brp_client.decode(brp_client.encode(0x50, 1), seq=1, accepts={Type.HELLO})
        with self.assertRaisesRegex(Refused, "STATE"):
            brp_client.decode(brp_client.encode(Type.DATA, 1, fields=bytes(32)), seq=1, accepts={Type.HELLO})


class FlowTest(unittest.TestCase):

    def test_bytes_are_counted_for_each_volume_since_attached(self):
        flow = Flow(8192, 1024)
        flow.sent(0, 2, 4096)
        flow.sent(0, 3, 4096)
        self.assertFalse(flow.has_room(0, 512))
        self.assertTrue(flow.has_room(1, 8192))
        flow.acknowledge(3, [(0, 2, 12288)])
        self.assertTrue(flow.has_room(0, 4096))
        self.assertFalse(flow.has_room(0, 4608))

    def test_frames_are_counted_for_all_volumes_together(self):
        flow = Flow(1 << 20, 2)
        flow.sent(0, 2, 512)
        flow.sent(1, 3, 512)
        self.assertFalse(flow.has_room(0, 512))
        flow.acknowledge(3, [])
        self.assertFalse(flow.has_room(0, 512), "receipt is no acknowledgement")
        flow.acknowledge(3, [(1, 3, 1 << 20)])
        self.assertTrue(flow.has_room(0, 512))
        self.assertEqual(1, flow.unacked_frames)

    def test_durable_seq_covers_its_volume_only(self):
        flow = Flow(1 << 20, 1024)
        for seq, volume in ((2, 0), (3, 1), (4, 0)):
            flow.sent(volume, seq, 512)
        flow.acknowledge(4, [(0, 99, 1 << 20)])
        self.assertEqual(1, flow.unacked_frames)

    def test_limits_never_decrease(self):
        flow = Flow(8192, 1024)
        with self.assertRaises(Refused):
            flow.acknowledge(1, [(0, 0, 4096)])
        flow.acknowledge(1, [(0, 5, 8192)])
        with self.assertRaises(Refused):
            flow.acknowledge(1, [(0, 4, 8192)])

    def test_the_walk_through_of_section_14(self):
        flow = Flow(8388608, 1024)
        for seq in (2, 3, 4, 5):
            flow.sent(0, seq, 262144)
        for seq in (6, 7):
            flow.sent(0, seq, 4096)
        flow.acknowledge(4, [(0, 4, 9175040)])
        self.assertEqual(3, flow.unacked_frames)
        flow.acknowledge(8, [(0, 8, 9445376)])
        self.assertEqual(0, flow.unacked_frames)
        self.assertEqual(8388608, flow.limit_bytes(0) - flow.sent_bytes[0])


@unittest.skipUnless(shutil.which("openssl"), "needs the openssl command to make certificates")
class LoopbackTest(unittest.TestCase):
    """Everything over real TLS with the stub at the other end."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        identities.make(cls.folder, "server", "agent")
        cls.pin = identities.pin(cls.folder, "server")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def start(self, **disks):
        server = StubServer(self.folder / "server.cert.pem", self.folder / "server.key.pem",
                            self.folder / "agent.cert.pem", "s-1", disks)
        self.addCleanup(server.stop)
        return server

    def endpoint(self, server, pins=None):
        return Endpoint("127.0.0.1", server.port, self.folder / "agent.cert.pem", self.folder / "agent.key.pem",
                        frozenset(pins or [self.pin]))

    def arguments(self, server):
        return ["--server", f"127.0.0.1:{server.port}", "--certificate", str(self.folder / "agent.cert.pem"),
                "--key", str(self.folder / "agent.key.pem"), "--server-pin", "sha256:" + "0" * 64,
                "--server-pin", self.pin, "--source-server-id", "s-1"]

    def run_main(self, module, arguments):
        out, err = io.StringIO(), io.StringIO()
        with mock.patch.object(sys, "argv", ["main", *arguments]), contextlib.redirect_stdout(out), \
                contextlib.redirect_stderr(err):
            status = module.main()
        return status, out.getvalue(), err.getvalue()

    def test_server_with_another_pin_is_left(self):
        server = self.start(sda=1 << 20)
        with self.assertRaisesRegex(SessionEnded, "pin"):
            Session(self.endpoint(server, ["sha256:" + "0" * 64]))

    def test_images_arrive_byte_for_byte(self):
        source = random.Random(SEED)
        images = {"sda": bytearray(3 << 20), "sdb": bytearray((1 << 20) + 512)}
        images["sda"][100:390100] = b"compressible " * 30000
        images["sda"][(1 << 20) - 5:(1 << 20) + 300000] = source.randbytes(300005)
        images["sdb"][-512:] = b"e" * 512
        server = self.start(**{name: len(image) for name, image in images.items()})
        arguments = self.arguments(server) + ["--streams", "3"]
        for name, image in images.items():
            (self.folder / name).write_bytes(image)
            arguments += ["--disk", f"{name}={self.folder / name}"]
        status, out, err = self.run_main(sync_image, arguments)
        self.assertEqual((0, ""), (status, err))
        self.assertIn("committed epoch=1 generation=1 streams=3", out)
        self.assertEqual(images, server.content)
        self.assertEqual({0: 3 << 20, 1: (1 << 20) + 512}, server.statuses[0])
        self.assertEqual({0: 0, 1: 0}, server.statuses[-1])
        status, out, _ = self.run_main(sync_image, arguments + ["--no-compress"])
        self.assertIn("committed epoch=2", out)

    def test_refusal_is_told(self):
        server = self.start(sda=1 << 20)
        (self.folder / "small").write_bytes(bytes(512))
        status, _, err = self.run_main(sync_image, self.arguments(server) + ["--disk", f"sda={self.folder / 'small'}"])
        self.assertEqual(1, status)
        self.assertIn("ERROR on control: RANGE", err)

    def test_bad_input_of_the_server_ends_the_session(self):
        server = self.start(sda=1 << 20)
        with mock.patch.object(StubServer, "_volume", lambda *_: {"index": 0}):
            session = Session(self.endpoint(server))
            self.addCleanup(session.close)
            with self.assertRaisesRegex(SessionEnded, "refused by the agent: PROTOCOL"):
                session.hello(brp_client.hello_body("s-1", [Disk("sda", 1 << 20)]))


if __name__ == "__main__":
    unittest.main()
