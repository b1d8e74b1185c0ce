"""The server's side of the protocol for a test of agents: plays along as a row wants it, and judges all that comes.

Whatever an agent does that the specification does not allow is a Mismatch, with the rule that says so. One thread.

  Listener   the port, what outlives a session: generation, epoch, disks as they arrived
  Session    one session as the agent sees it: welcome, streams, epochs, acknowledgements
"""

import enum
import functools
import os
import secrets
import select
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import brp_client
from brp_client import (Connection, DataFields, HASH_OFFER, LZ4,
                        RAW_LEN_MAX, REPORT_ONLY, Refused, SECTOR, SOURCE_STATUS, TO_SERVER_DATA, Type, ZERO_COST,
                        crc32c, decode, describe_error, differing_blocks, lz4_expand, pack_bits, parse_offer,
                        pin_of)
from rows import Mismatch
from specification import Rule

HANDSHAKE_SECONDS = 5
ATTACH_SECONDS = 10
ACK_SECONDS = 4              # of the 5 s within which DURABLE_ACK must come
PING_SECONDS = 10
SILENT_SECONDS = 30
CONTROL_FRAMES_PER_SECOND, CONTROL_FRAMES_BURST = 100, 500
PINGS_PER_SECOND, PINGS_BURST = 2, 10
DISK_BYTES_MAX = 1 << 30     # of a disk that is kept in memory
CONNECTIONS_MAX = 51
BLOCKS_KEPT = 256            # expanded blocks that are kept, since each sync brings the same ones
LOGGED_CHARACTERS = 160      # of a frame that came
OUTPUT_KEPT = 2000           # characters of what the agent's command printed last

RULES = {name: Rule(section, words) for name, (section, words) in {
    "bytes": ("1", "The agent sends blocks; the server writes them to the volumes, byte for byte at the same offsets"),
    "tls": ("2", "TLS 1.2 with ECDHE key exchange and AES-GCM"),
    "alpn": ("2", "ALPN is mandatory"),
    "full-handshake": ("2", "Each connection is a full handshake"),
    "sni": ("2", "Neither side uses SNI"),
    "unique-names": ("5.1", "deviceName is unique"),
    "streams": ("5.1", "the agent must open exactly these"),
    "rescan": ("5.1", "the agent must treat every block of the disk as unacknowledged"),
    "failed": ("5.1", "the agent sends nothing for it and may also leave the disk out"),
    "identity": ("6", "A HELLO with another sourceServerId is FORBIDDEN"),
    "first-frame": ("6", "The first frame that is not ignorable decides"),
    "data-connections": ("6", "with the same certificate and sends ATTACH as the first frame of each"),
    "attach-time": ("6", "All must be attached within attachMillis"),
    "attach": ("6", "a stream of `streams` or above, or one that is attached already is STATE"),
    "one-end": ("6", "There is no re-attach; the agent begins again with HELLO"),
    "until-attached": ("6", "The agent sends nothing but ignorable frames until ATTACHED"),
    "remembers": ("6", "For each volume dataGen and the newest epoch that it knows to be committed"),
    "stream": ("7", "The stream of a frame is"),
    "place": ("3", "A DATA or ZERO frame lies inside one region and inside the volume"),
    "volume": ("11", "unknown volume index, offset not a multiple of 512"),
    "bytes-window": ("8", "The count must never exceed limit_bytes"),
    "frames-window": ("8", "At most unackedFramesMax DATA and ZERO frames"),
    "integrity": ("8", "A block that does not expand to exactly raw_len bytes"),
    "unacknowledged": ("8", "What is not acknowledged when a session ends is sent again in the next"),
    "epoch-open": ("9", "the epoch must be greater than the committed one"),
    "epoch-answer": ("9", "The agent must not send DATA, ZERO or FENCE of the epoch before that answer"),
    "epoch": ("9", "DATA, ZERO or FENCE of an epoch that is not open or after the stream's fence"),
    "after-fence": ("9", "After it no DATA or ZERO may follow on that stream"),
    "fence": ("9", "there is one on every stream, also on those that carried nothing"),
    "commit": ("9", "fences[i] is the seq of the FENCE on stream i"),
    "ping": ("10", "Either side sends PING on the control connection after 10 s"),
    "data-silence": ("10", "The agent sends PING on a data connection on which it has sent nothing for 10 s"),
    "status-range": ("11", "SOURCE_STATUS with an unknown index"),
    "status-waits": ("11", "SOURCE_STATUS whose waits decrease"),
    "status-granted": ("4", "A type that belongs to a feature is an unknown type"),
    "goaway": ("10", "The agent sends no new DATA or ZERO"),
    "rate": ("11", "more control frames or more PING than allowed"),
    "error": ("11", "Fatal ends the connection and with it the session"),
    "reconnect": ("10", "After a session that ended otherwise"),
    "offer-form": ("11", "HASH_OFFER: shorter than its head"),
    "offer-range": ("11", "HASH_OFFER: unknown volume index, blocks past the end of the disk"),
    "offer-time": ("11", "HASH_OFFER while another one of its volume has no answer"),
    "offer-acknowledged": ("17", "It offers a block only while no frame of it is unacknowledged"),
}.items()}


class NobodyCame(Exception):
    """No agent has connected at all."""


class Ended(Exception):
    """The session is over; its text tells how."""


@functools.lru_cache(maxsize=BLOCKS_KEPT)
def _expanded(payload, codec, raw_len):
    """The bytes of a block and their CRC32C."""
    raw = lz4_expand(payload, raw_len) if codec == LZ4 else payload
    return raw, crc32c(raw)


class Allowance:
    """What a rate of events with a burst allows."""

    def __init__(self, per_second, burst):
        self._per_second, self._burst = per_second, burst
        self._left, self._at = burst, time.monotonic()

    def take(self):
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second) - 1
        self._at = now
        return self._left >= 0


class Disk:
    """A disk as it arrived here, and which sectors of it the agent has still to send."""

    def __init__(self, name, size_bytes):
        if size_bytes > DISK_BYTES_MAX:
            raise Mismatch(f"a disk of at most {DISK_BYTES_MAX} bytes, which this runner keeps in memory",
                           f"{name} of {size_bytes} bytes")
        self.name, self.size_bytes = name, size_bytes
        self.content = bytearray(size_bytes)
        self.data_gen = secrets.token_hex(16)
        self.unacknowledged = bytearray(b"\1") * (size_bytes // SECTOR)

    def begin_anew(self):
        self.data_gen = secrets.token_hex(16)
        self.mark(0, self.size_bytes, 1)

    def mark(self, offset, length, value):
        self.unacknowledged[offset // SECTOR:(offset + length) // SECTOR] = bytes([value]) * (length // SECTOR)


class Peer(Connection):
    """A connection of the agent. What it may not send is kept in `refused`."""

    def __init__(self, tls, pin):
        super().__init__(tls, "a new connection", {Type.HELLO, Type.ATTACH, Type.TEST_OPEN})
        self.pin = pin
        self.hello = self.session = None
        self._control_frames = Allowance(CONTROL_FRAMES_PER_SECOND, CONTROL_FRAMES_BURST)
        self._ping_frames = Allowance(PINGS_PER_SECOND, PINGS_BURST)

    @property
    def received_seq(self):
        return self._next_received_seq - 1

    def take_more(self):
        """Takes a frame that has come already."""
        try:
            self._take_frames()
        except Refused as e:
            self.refuse(e)

    def _take_frames(self):
        """One at a time: which ones are allowed may change with each."""
        while not self.frames and not self.refused:
            found = decode(self._incoming, self._next_received_seq, self.accepts, self.raw_len_max)
            if not found:
                return
            frame, length = found
            del self._incoming[:length]
            self._next_received_seq += 1
            self._count(frame)
            if not frame.ignorable:
                self.frames.append(frame)

    def _count(self, frame):
        if frame.type in (Type.DATA, Type.ZERO, Type.FENCE, Type.TEST, Type.HASH_OFFER):
            return
        if not self._control_frames.take() or frame.type == Type.PING and not self._ping_frames.take():
            raise Refused("RATE", f"more than {CONTROL_FRAMES_PER_SECOND} control frames or {PINGS_PER_SECOND} PING a "
                                  f"second", RULES["rate"])


@dataclass
class Sent:
    """A DATA or ZERO frame that is not acknowledged."""

    volume: int
    seq: int
    cost: int
    offset: int
    length: int


@dataclass(eq=False)
class Stream:
    """One data connection, and what of the agent's window is used."""

    number: int
    peer: Peer
    attached: bool = False
    window_bytes: int = 0
    frames_max: int = 0
    sent: dict = field(default_factory=dict)
    limit: dict = field(default_factory=dict)
    durable_seq: dict = field(default_factory=dict)
    unacked: list = field(default_factory=list)
    fence_seq: int = 0
    frames: int = 0
    acked_at: float = 0

    def acknowledge(self, disks, count=None, received_seq=None):
        """DURABLE_ACK for the oldest `count` frames, or for all."""
        count = len(self.unacked) if count is None else count
        done, self.unacked = self.unacked[:count], self.unacked[count:]
        for frame in done:
            self.limit[frame.volume] = self.limit.get(frame.volume, self.window_bytes) + frame.cost
            self.durable_seq[frame.volume] = frame.seq
            disks[frame.volume].mark(frame.offset, frame.length, 0)
        # A block that was sent again since is not acknowledged by an older sending of it.
        for frame in self.unacked:
            disks[frame.volume].mark(frame.offset, frame.length, 1)
        entries = [(v, self.durable_seq.get(v, 0), limit) for v, limit in sorted(self.limit.items())]
        self.send_ack(self.peer.received_seq if received_seq is None else received_seq, entries)

    def send_ack(self, received_seq, entries):
        payload = struct.pack("<QH6x", received_seq, len(entries))
        self.peer.send(Type.DURABLE_ACK, payload + b"".join(struct.pack("<H6xQQ", *entry) for entry in entries))
        self.acked_at = time.monotonic()


class Epoch(enum.Enum):
    CLOSED = 0
    ASKED = 1       # EPOCH_OPEN has come, its answer was not sent
    OPEN = 2
    COMMITTING = 3  # EPOCH_COMMIT has come


class Session:
    """One session with the agent. The fields up to `welcome_grease` are what a row changes to be another server."""

    def __init__(self, listener, control):
        self.attaches = True          # answers ATTACH
        self.opens = True             # answers EPOCH_OPEN
        self.commits = True           # answers EPOCH_COMMIT
        self.acknowledges = True      # acknowledges what comes at once
        self.acks_idle = True         # sends DURABLE_ACK every few seconds, changed or not
        self.pongs_back = True        # answers PING
        self.pings = True             # sends PING where nothing comes, and expects an answer
        self.answers_offers = True
        self.window_bytes, self.frames_max = 1 << 20, 256
        self.failed = set()           # indices of volumes that take no writes
        self.welcome_grease = {}

        self.listener, self.control = listener, control
        self.hello = control.hello
        self.welcome = None
        self.features = []
        self.streams = {}
        self.disks = []
        self.epoch_state, self.epoch = Epoch.CLOSED, 0
        self.fences = None
        self.is_complete = False       # all that the epoch needs has come
        self.commits_done = 0
        self.goaway = self.bye = None
        self.no_blocks_because = None  # a rule that forbids DATA and ZERO from now on
        self.errors = []               # (connection, body) of ERROR from the agent
        self.expects_error = False
        self.offers = {}               # volume -> (range, zeros, hashes) without an answer
        self.offers_come = self.blocks_equal = self.blocks_offered = 0
        self.statuses = []             # (time, body)
        self.pongs = self.pings_on_control = self.pings_on_data = 0
        self.block_frames = self.block_bytes = self.sent_again_bytes = 0
        self.covered = []              # of each volume, the sectors that came in this session
        self.opened_at = time.monotonic()
        self.attached_at = None
        self.last_block_at = self.opened_at
        self.ended = None
        control.name, control.session = "control", self

    # What the server does

    @property
    def peers(self):
        return [self.control, *(stream.peer for stream in self.streams.values())]

    def send_welcome(self, action, reason, features, streams, region_shift):
        listener, self.features = self.listener, [f for f in self.hello.get("features", []) if f in features]
        listener.generation = max(listener.generation, int(self.hello.get("remembers", {}).get("generation", 0))) + 1
        self.generation = listener.generation
        volumes = []
        for index, asked in enumerate(self.hello["disks"]):
            disk = listener.disk(asked)
            self.disks.append(disk)
            self.covered.append(bytearray(disk.size_bytes // SECTOR))
            if action == "RESCAN":
                disk.mark(0, disk.size_bytes, 1)
            volumes.append({
                "index": index, "volumeId": f"vol-{index}", "deviceName": disk.name, "sizeBytes": disk.size_bytes,
                "blockSizeBytes": 512, "dataGen": disk.data_gen, "committedEpoch": str(listener.committed_epoch),
                "fresh": False, "action": "FAILED" if index in self.failed else action,
                "reason": "a test of conformance" if index in self.failed else reason})
        self.welcome = {
            "version": 1, "features": self.features, "generation": str(self.generation),
            "streams": min(streams or self.hello["streams"], self.hello["streams"]), "regionShift": region_shift,
            "limits": {"jsonBytesMax": 65536, "controlFramesPerSecond": CONTROL_FRAMES_PER_SECOND,
                       "controlFramesBurst": CONTROL_FRAMES_BURST, "attachMillis": 1000 * ATTACH_SECONDS},
            "volumes": volumes, **self.welcome_grease}
        self.expect_control()
        self.control.send_json(Type.WELCOME, self.welcome)
        self.opened_at = time.monotonic()

    def expect_control(self):
        self.control.accepts = {Type.EPOCH_OPEN, Type.EPOCH_COMMIT, Type.PING, Type.PONG, Type.ERROR, Type.BYE} | \
            ({Type.HASH_OFFER} if HASH_OFFER in self.features else set()) | \
            ({Type.SOURCE_STATUS} if SOURCE_STATUS in self.features else set())

    def send_attached(self, stream):
        stream.window_bytes, stream.frames_max = self.window_bytes, self.frames_max
        stream.attached, stream.peer.raw_len_max = True, min(RAW_LEN_MAX, self.window_bytes)
        stream.peer.accepts = TO_SERVER_DATA
        stream.peer.send_json(Type.ATTACHED, {"windowBytes": self.window_bytes, "rawLenMax": stream.peer.raw_len_max,
                                              "unackedFramesMax": self.frames_max})
        if self.is_attached:
            self.attached_at = time.monotonic()

    def answer_open(self):
        self.epoch_state = Epoch.OPEN
        self.control.send_json(Type.EPOCH_STATUS, {"epoch": str(self.epoch), "committed": False})

    def store_commit(self):
        """The commit is stored; answer_commit tells the agent of it."""
        self.listener.committed_epoch = self.epoch

    def answer_commit(self):
        self.control.send_json(Type.EPOCH_STATUS, {"epoch": str(self.epoch), "committed": True})
        self.epoch_state, self.fences, self.is_complete = Epoch.CLOSED, None, False
        self.commits_done += 1
        for stream in self.streams.values():
            stream.fence_seq = 0

    def send_error(self, code, connection=None, **members):
        (connection or self.control).send_json(
            Type.ERROR, {"code": brp_client.CODES[code], "name": code, "text": "a test of conformance", **members})

    def send_progress(self, waiting_for):
        self.control.send_json(Type.PROGRESS, {"waitingFor": waiting_for, "volumes": []})

    def send_goaway(self, reason="SHUTDOWN", deadline_millis=5000, reconnect_millis=0):
        self.goaway = time.monotonic()
        self.control.send_json(Type.GOAWAY, {"reason": reason, "deadlineMillis": deadline_millis,
                                             "reconnectAfterMillis": reconnect_millis})

    @property
    def is_attached(self):
        return self.welcome and len(self.streams) == self.welcome["streams"] \
            and all(stream.attached for stream in self.streams.values())

    @property
    def unacked_frames(self):
        return sum(len(stream.unacked) for stream in self.streams.values())

    # What the agent does

    def attach(self, peer, body):
        if body["generation"] != str(self.generation):
            raise Mismatch(f"ATTACH of generation {self.generation}", body, RULES["data-connections"])
        if not 0 <= body["stream"] < self.welcome["streams"] or body["stream"] in self.streams:
            raise Mismatch(f"ATTACH once for each stream below {self.welcome['streams']}", body, RULES["attach"])
        if peer.pin != self.control.pin:
            raise Mismatch(f"the certificate of the control connection, {self.control.pin}", peer.pin,
                           RULES["data-connections"])
        peer.name, peer.session = f"data {body['stream']}", self
        stream = self.streams[body["stream"]] = Stream(body["stream"], peer)
        peer.accepts = set()
        if self.attaches:
            self.send_attached(stream)

    def on_control(self, frame):
        match frame.type:
            case Type.PING:
                self.pings_on_control += 1
                if self.pongs_back:
                    self.control.send(Type.PONG)
            case Type.PONG:
                self.pongs += 1
            case Type.ERROR:
                self._on_error(self.control, frame)
            case Type.BYE:
                self.bye = checked(frame)
            case Type.EPOCH_OPEN:
                self._on_epoch_open(checked(frame))
            case Type.EPOCH_COMMIT:
                self._on_epoch_commit(checked(frame))
            case Type.SOURCE_STATUS:
                self._on_status(checked(frame))
            case Type.HASH_OFFER:
                self._on_offer(frame)

    def _on_error(self, peer, frame):
        body = checked(frame)
        self.errors.append((peer.name, body))
        if not self.expects_error:
            raise Mismatch("no ERROR", f"ERROR {describe_error(body)} on {peer.name}", RULES["error"])

    def _on_epoch_open(self, body):
        epoch = int(body["epoch"])
        if self.epoch_state is not Epoch.CLOSED or epoch <= self.listener.committed_epoch:
            raise Mismatch(f"EPOCH_OPEN above {self.listener.committed_epoch} while none is open",
                           f"{body} while {self.epoch_state.name} is {self.epoch}", RULES["epoch-open"])
        if self.offers:
            raise Mismatch("no EPOCH_OPEN while an offer has no answer", body, RULES["offer-time"])
        self.epoch_state, self.epoch = Epoch.ASKED, epoch
        if self.opens:
            self.answer_open()

    def _on_epoch_commit(self, body):
        if self.epoch_state is not Epoch.OPEN or body["epoch"] != str(self.epoch):
            raise Mismatch(f"EPOCH_COMMIT of an open epoch ({self.epoch_state.name} {self.epoch})", body,
                           RULES["epoch"])
        if len(body["fences"]) != self.welcome["streams"]:
            raise Mismatch(f"fences of {self.welcome['streams']} streams", body, RULES["fence"])
        self.epoch_state, self.fences = Epoch.COMMITTING, [int(seq) for seq in body["fences"]]
        for number, stream in self.streams.items():
            self._check_fence(number, stream)

    def _check_all_came(self):
        """Once all FENCE have come; EPOCH_COMMIT may overtake what is under way on data connections."""
        for index, disk in enumerate(self.disks):
            left = disk.unacknowledged if index not in self.failed else b""
            missing = left and bytes(u & ~c & 1 for u, c in zip(left, self.covered[index])).find(1)
            if left and missing >= 0:
                rescan = self.welcome["volumes"][index]["action"] == "RESCAN"
                raise Mismatch(f"every {'block of the disk' if rescan else 'block that was not acknowledged'} before "
                               f"EPOCH_COMMIT", f"no frame of {disk.name} at offset {missing * SECTOR}",
                               RULES["rescan" if rescan else "unacknowledged"])

    def _check_fence(self, number, stream):
        if self.fences and stream.fence_seq and stream.fence_seq != self.fences[number]:
            raise Mismatch(f"fences[{number}] {stream.fence_seq}, the seq of its FENCE", self.fences, RULES["commit"])

    def _on_status(self, body):
        if self.attached_at is None:
            raise Mismatch("SOURCE_STATUS once all data connections are attached", body, Rule(
                "10", "An agent to which `source-status` is granted sends it as soon as"))
        indices = [volume["index"] for volume in body["volumes"]]
        for volume in body["volumes"]:
            if volume["index"] >= len(self.disks) or volume["backlogBytes"] > self.disks[volume["index"]].size_bytes:
                raise Mismatch("volumes of WELCOME, and no backlog above sizeBytes", volume, RULES["status-range"])
        if len(set(indices)) < len(indices):
            raise Mismatch("each index once", indices, RULES["status-range"])
        if self.statuses:
            before = self.statuses[-1][1]["waits"]
            if any(body["waits"][name] < before[name] for name in brp_client.WAITS):
                raise Mismatch(f"no waits below {before}", body["waits"], RULES["status-waits"])
        self.statuses.append((time.monotonic(), body))

    def _on_offer(self, frame):
        try:
            blocks, zeros, hashes = parse_offer(frame.payload)
        except Refused as e:
            raise Mismatch("a HASH_OFFER as specified", str(e), RULES["offer-form"]) from None
        if blocks.volume >= len(self.disks):
            raise Mismatch("a volume of WELCOME", blocks, RULES["offer-range"])
        disk, shift = self.disks[blocks.volume], blocks.block_shift
        if (blocks.first_block + blocks.count - 1) << shift >= disk.size_bytes:
            raise Mismatch(f"blocks inside {disk.size_bytes} bytes", blocks, RULES["offer-range"])
        allowed = self.epoch_state is (Epoch.CLOSED if blocks.flags & REPORT_ONLY else Epoch.OPEN)
        if not allowed or blocks.volume in self.offers:
            raise Mismatch("one offer at a time, in an open epoch, with REPORT_ONLY in none",
                           f"{blocks} while {self.epoch_state.name}, {len(self.offers)} unanswered",
                           RULES["offer-time"])
        begin, end = blocks.first_block << shift, min((blocks.first_block + blocks.count) << shift, disk.size_bytes)
        for stream in self.streams.values():
            for sent in stream.unacked:
                if sent.volume == blocks.volume and sent.offset < end and sent.offset + sent.length > begin:
                    raise Mismatch("no offer of a block with an unacknowledged frame",
                                   f"{blocks}, seq {sent.seq} on {stream.peer.name} is not acknowledged",
                                   RULES["offer-acknowledged"])
        self.offers[blocks.volume] = blocks, zeros, hashes
        self.offers_come += 1
        self.blocks_offered += blocks.count

    def answer_offer(self, volume):
        blocks, zeros, hashes = self.offers.pop(volume)
        disk = self.disks[volume]
        differing = differing_blocks(disk.content, blocks, zeros, hashes)
        for number in [number for number, differs in enumerate(differing) if not differs]:
            self.blocks_equal += 1
            if not blocks.flags & REPORT_ONLY:
                begin = (blocks.first_block + number) << blocks.block_shift
                disk.mark(begin, min(1 << blocks.block_shift, disk.size_bytes - begin), 0)
        self.control.send(Type.HASH_DIFF, blocks.pack() + pack_bits(differing))

    def on_data(self, stream, frame):
        match frame.type:
            case Type.PING:
                self.pings_on_data += 1
            case Type.ERROR:
                self._on_error(stream.peer, frame)
            case Type.FENCE:
                self._on_fence(stream, frame)
            case _:
                self._on_block(stream, frame)

    def _on_fence(self, stream, frame):
        epoch = int.from_bytes(frame.payload, "little")
        if self.epoch_state in (Epoch.CLOSED, Epoch.ASKED) or epoch != self.epoch or stream.fence_seq:
            raise Mismatch(f"one FENCE of an open epoch ({self.epoch_state.name} {self.epoch})",
                           f"FENCE {epoch} seq={frame.seq} on {stream.peer.name}",
                           RULES["epoch-answer" if self.epoch_state is Epoch.ASKED else "epoch"])
        stream.fence_seq = frame.seq
        self._check_fence(stream.number, stream)

    def _on_block(self, stream, frame):
        fields = DataFields.of(frame.fields)
        length = fields.length if frame.type == Type.ZERO else fields.raw_len
        cost = ZERO_COST if frame.type == Type.ZERO else length
        self._check_block(stream, frame, fields, length, cost)
        disk, offset = self.disks[fields.volume], fields.offset
        if frame.type == Type.ZERO:
            raw = bytes(length)
        else:
            raw = self._expand(stream, frame, fields)
        disk.content[offset:offset + length] = raw
        sectors = slice(offset // SECTOR, (offset + length) // SECTOR)
        self.sent_again_bytes += SECTOR * disk.unacknowledged[sectors].count(0)
        self.covered[fields.volume][sectors] = b"\1" * (length // SECTOR)
        disk.mark(offset, length, 1)
        stream.unacked.append(Sent(fields.volume, frame.seq, cost, offset, length))
        stream.frames += 1
        self.block_frames += 1
        self.block_bytes += length
        self.last_block_at = time.monotonic()

    def _expand(self, stream, frame, fields):
        try:
            raw, crc = _expanded(frame.payload, fields.codec, fields.raw_len)
        except ValueError as e:
            raise Mismatch("one LZ4 block", f"{stream.peer.name} seq={frame.seq}: {e}", RULES["integrity"]) from None
        if crc != fields.raw_crc32c:
            raise Mismatch(f"raw_crc32c 0x{crc:08x}", f"0x{fields.raw_crc32c:08x} of seq {frame.seq}",
                           RULES["integrity"])
        return raw

    def _check_block(self, stream, frame, fields, length, cost):
        what = f"{frame.name} seq={frame.seq} volume={fields.volume} offset={fields.offset} length={length} " \
               f"epoch={fields.epoch} on {stream.peer.name}"
        if self.no_blocks_because:
            raise Mismatch("no DATA and no ZERO", what, self.no_blocks_because)
        if self.epoch_state is Epoch.ASKED:
            raise Mismatch("no block before EPOCH_STATUS", what, RULES["epoch-answer"])
        if self.epoch_state is Epoch.CLOSED or fields.epoch != self.epoch:
            raise Mismatch(f"blocks of an open epoch ({self.epoch_state.name} {self.epoch})", what, RULES["epoch"])
        if stream.fence_seq:
            raise Mismatch(f"no block after FENCE {stream.fence_seq}", what, RULES["after-fence"])
        if fields.volume >= len(self.disks):
            raise Mismatch("a volume of WELCOME", what, RULES["volume"])
        if fields.volume in self.failed:
            raise Mismatch("nothing for a volume that is FAILED", what, RULES["failed"])
        shift, size = self.welcome["regionShift"], self.disks[fields.volume].size_bytes
        last = fields.offset + length - 1
        if last >= size or fields.offset >> shift != last >> shift:
            raise Mismatch(f"a place inside one region of {1 << shift} bytes and the volume of {size}", what,
                           RULES["place"])
        number = (fields.volume + (fields.offset >> shift)) % self.welcome["streams"]
        if number != stream.number:
            raise Mismatch(f"it on data {number}", what, RULES["stream"])
        sent = stream.sent[fields.volume] = stream.sent.get(fields.volume, 0) + cost
        limit = stream.limit.get(fields.volume, stream.window_bytes)
        if sent > limit:
            raise Mismatch(f"at most {limit} bytes of volume {fields.volume} on {stream.peer.name}",
                           f"{sent} with {what}", RULES["bytes-window"])
        if len(stream.unacked) >= stream.frames_max:
            raise Mismatch(f"at most {stream.frames_max} unacknowledged frames", f"one more: {what}",
                           RULES["frames-window"])
        for blocks, _, _ in self.offers.values():
            begin = blocks.first_block << blocks.block_shift
            if blocks.volume == fields.volume and fields.offset < begin + (blocks.count << blocks.block_shift) \
                    and last >= begin and not blocks.flags & REPORT_ONLY:
                raise Mismatch("no frame of a block whose offer has no answer", what, RULES["offer-acknowledged"])

    # Time

    def tick(self):
        now = time.monotonic()
        if self.bye:
            self.leave()
            return
        for peer in self.peers:
            if peer.ended and not self.ended:
                self.ended = f"{peer.name} ended by the agent: {peer.ended}"
        if self.ended or not self.welcome:
            return
        for volume in list(self.offers) if self.answers_offers else ():
            self.answer_offer(volume)
        for stream in self.streams.values():
            if stream.attached and (self.acknowledges and stream.unacked
                                    or self.acks_idle and now - stream.acked_at > ACK_SECONDS):
                stream.acknowledge(self.disks, None if self.acknowledges else 0)
        has_all = self.epoch_state is Epoch.COMMITTING and self._has_fences()
        if has_all and not self.is_complete:
            self._check_all_came()
            self.is_complete = True
        if has_all and self.commits and not self.unacked_frames:
            self.store_commit()
            self.answer_commit()
        self._check_time(now)

    def _has_fences(self):
        return [self.streams[n].fence_seq for n in range(len(self.streams))] == self.fences

    def _check_time(self, now):
        if not self.is_attached and now - self.opened_at > ATTACH_SECONDS and self.attaches:
            raise Mismatch(f"{self.welcome['streams']} data connections attached within {ATTACH_SECONDS} s",
                           f"{len(self.streams)}", RULES["attach-time"])
        if self.pings and now - self.control.last_received > PING_SECONDS and now - self.control.last_sent > 2:
            self.control.send(Type.PING)
        if now - self.control.last_received > SILENT_SECONDS and self.pings:
            raise Mismatch("PONG", f"nothing on control for {SILENT_SECONDS} s", RULES["ping"])
        for stream in self.streams.values():
            if stream.attached and now - stream.peer.last_received > SILENT_SECONDS and self.pings:
                raise Mismatch("PING", f"nothing on {stream.peer.name} for {SILENT_SECONDS} s", RULES["data-silence"])

    def leave(self):
        """BYE has come: acknowledges what came before and closes without ERROR."""
        for stream in self.streams.values():
            if stream.attached and not stream.peer.ended:
                stream.acknowledge(self.disks)
                stream.peer.write()
        self.close()
        self.ended = "BYE"

    def close(self):
        for peer in self.peers:
            peer.write()
            peer.close()

    def cut(self):
        for peer in self.peers:
            peer.cut()
        self.ended = "cut by the runner"


def checked(frame):
    """The body of a JSON frame, held against its schema."""
    try:
        return frame.json()
    except Refused as e:
        raise Mismatch(f"a body of {frame.name} as specified", f"{e.text}: {frame}", e.rule) from None


class Listener:
    """The port, and what a server keeps from one session to the next."""

    def __init__(self, options):
        self.options = options
        self.generation = self.committed_epoch = 0
        self.told_epoch = None      # a committed epoch of which the agent surely knows
        self.disks = {}
        self.peers = []
        self.hellos = deque()       # control connections whose HELLO waits for an answer
        self.session = None
        self.connects = []          # when connections came
        self.handshake_failures = deque(maxlen=5)
        self.handshakes = 0
        self._sni = None
        self.restore_tls()
        self.pin = pin_of(ssl.PEM_cert_to_DER_cert(Path(options.identity[0]).read_text(encoding="ascii")))
        self._socket = socket.create_server(options.listen, family=socket.AF_INET6 if ":" in options.listen[0]
                                            else socket.AF_INET)
        self.host, self.port = self._socket.getsockname()[:2]
        self._process = self._output = None

    def restore_tls(self):
        """What a row may have changed is as it should be again."""
        self.has_alpn = True
        self.context = self.new_context(*self.options.identity)

    def new_context(self, certificate, key, alpn=brp_client.ALPN):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE+AESGCM")
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
        context.load_cert_chain(certificate, key)
        # The certificate itself is the anchor, whoever has signed it.
        context.verify_mode, context.verify_flags = ssl.CERT_REQUIRED, ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(self.options.agent_certificate)
        if alpn:
            context.set_alpn_protocols([alpn])
        context.sni_callback = self._note_sni
        return context

    def _note_sni(self, _tls, name, _context):
        self._sni = name

    def invitation(self):
        address = f"{self.host}:{self.port}"
        how = "starting the agent by its command" if self.options.agent_command else \
            f"start the agent: server {address}, server pin {self.pin}; the reference agent:\n" \
            f"  ./run agent replicate --source /dev/sda=disk.img --server {address} --server-pin {self.pin} \\\n" \
            f"      --source-server-id ID --identity DIR --quiet-source --cycle-pause 1"
        return f"listening on {address}, pin {self.pin}; {how}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for peer in self.peers:
            peer.cut()
        self._socket.close()
        self.stop_agent()

    # The agent's process

    def start_agent(self):
        """Starts the agent where a command was given and it does not run."""
        command = self.options.agent_command
        if command and (self._process is None or self._process.poll() is not None):
            if self._output:
                self._output.close()
            self._output = tempfile.TemporaryFile()
            host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
            self._process = subprocess.Popen(
                command, shell=True, start_new_session=True, stdin=subprocess.DEVNULL, stdout=self._output,
                stderr=subprocess.STDOUT, env={**os.environ, "BRP_SERVER": f"{host}:{self.port}", "BRP_PIN": self.pin})

    def stop_agent(self):
        if self._process and self._process.poll() is None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                os.killpg(self._process.pid, number)
                try:
                    self._process.wait(5)
                    break
                except subprocess.TimeoutExpired:
                    pass
        self._process = None
        if self._output:
            self._output.close()

    @property
    def has_agent_ended(self):
        return self._process is not None and self._process.poll() is not None

    def agent_said(self):
        """The end of what the agent's command printed."""
        if not self._output:
            return ""
        self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, self._output.tell() - OUTPUT_KEPT))
        return self._output.read().decode(errors="replace").strip()

    # Connections

    def disk(self, asked):
        """The disk of a HELLO, new where it was not named before."""
        name, size = asked["deviceName"], asked["sizeBytes"]
        if name not in self.disks or self.disks[name].size_bytes != size:
            self.disks[name] = Disk(name, size)
        return self.disks[name]

    def step(self, timeout=0.02):
        if select.select([self._socket], [], [], 0)[0]:
            self._accept()
        brp_client.pump(self.peers, timeout)
        for peer in list(self.peers):
            while peer.frames:
                self._handle(peer, peer.frames.popleft())
                peer.take_more()
            if peer.refused:
                raise Mismatch("frames as specified", f"{peer.name}: {peer.refused}", peer.refused.rule)
            if peer.ended or peer.tls is None:
                self.peers.remove(peer)
                if peer in self.hellos:
                    self.hellos.remove(peer)
                if peer.tls is not None and not peer.session:
                    peer.close()
        if self.session and not self.session.ended:
            self.session.tick()

    def _accept(self):
        plain, _ = self._socket.accept()
        self.connects.append(time.monotonic())
        plain.settimeout(HANDSHAKE_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sni = None
        try:
            tls = self.context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False)
        except OSError as e:
            self.handshake_failures.append(getattr(e, "reason", None) or str(e))
            plain.close()
            return
        self.handshakes += 1
        peer = Peer(tls, pin_of(tls.getpeercert(binary_form=True)))
        self.peers.append(peer)
        if len(self.peers) > CONNECTIONS_MAX:
            raise Mismatch(f"at most {CONNECTIONS_MAX} connections", f"{len(self.peers)}", Rule(
                "13", "connections of a source server"))
        if self._sni is not None:
            raise Mismatch("no SNI", f"server name {self._sni}", RULES["sni"])
        if tls.selected_alpn_protocol() != brp_client.ALPN and self.has_alpn:
            raise Mismatch(f"ALPN {brp_client.ALPN}", tls.selected_alpn_protocol(), RULES["alpn"])
        if tls.session_reused:
            raise Mismatch("a full handshake", "a resumed session", RULES["full-handshake"])

    def _handle(self, peer, frame):
        shown = str(frame)
        if frame.type in (Type.DATA, Type.ZERO):
            shown = frame.name
        peer.log.append(shown if len(shown) < LOGGED_CHARACTERS else shown[:LOGGED_CHARACTERS] + "...")
        session = peer.session
        if session is None:
            self._first_frame(peer, frame)
        elif session.ended:
            if frame.type == Type.ERROR:
                session.errors.append((peer.name, checked(frame)))
        elif session.control is peer:
            session.on_control(frame)
        else:
            stream = next(s for s in session.streams.values() if s.peer is peer)
            session.on_data(stream, frame)

    def _first_frame(self, peer, frame):
        if frame.type == Type.HELLO:
            peer.hello = self._check_hello(checked(frame))
            peer.name = "control (HELLO)"
            peer.accepts = {Type.PING, Type.PONG, Type.BYE, Type.ERROR}
            self.hellos.append(peer)
        elif frame.type == Type.ATTACH:
            session = self.session
            if not session or session.ended:
                raise Mismatch("no ATTACH after the end of the session", frame, RULES["one-end"])
            session.attach(peer, checked(frame))
        elif frame.type == Type.TEST_OPEN:
            peer.refuse(Refused("UNSUPPORTED", "this server has no speed test"))
            peer.refused = None
        elif frame.type == Type.PING and peer.hello:
            peer.send(Type.PONG)
        elif not peer.hello:
            raise Mismatch("HELLO or ATTACH", frame, RULES["first-frame"])

    def _check_hello(self, body):
        disks = [disk["deviceName"] for disk in body["disks"]]
        if len(set(disks)) < len(disks):
            raise Mismatch("each deviceName once", disks, RULES["unique-names"])
        wanted = self.options.source_server_id
        if wanted and body["sourceServerId"] != wanted:
            raise Mismatch(f"sourceServerId {wanted}", body["sourceServerId"], RULES["identity"])
        if 1 not in body["versions"]:
            raise Mismatch("version 1", body["versions"], Rule("11", "no common version | VERSION"))
        remembers = body.get("remembers")
        if remembers:
            self._check_remembers(remembers)
        return body

    def _check_remembers(self, remembers):
        # Before the first session here it may be that of another server, or of an earlier run.
        if 0 < self.generation < int(remembers["generation"]):
            raise Mismatch(f"generation up to {self.generation}", remembers, RULES["remembers"])
        for known in remembers["disks"]:
            disk = self.disks.get(known["deviceName"])
            if disk is None or disk.data_gen != known["dataGen"]:
                continue
            epoch = int(known["committedEpoch"])
            if epoch > self.committed_epoch or self.told_epoch is not None and epoch < self.told_epoch:
                raise Mismatch(f"committedEpoch {self.told_epoch or 0} to {self.committed_epoch}", known,
                               RULES["remembers"])

    def drop(self):
        """Ends what there is of a session; a HELLO that waits goes on waiting."""
        session, self.session = self.session, None
        if session:
            session.close()
            session.ended = session.ended or "dropped by the runner"
        for peer in list(self.peers):
            if peer.session is session and session or not peer.hello:
                peer.cut()
                self.peers.remove(peer)
