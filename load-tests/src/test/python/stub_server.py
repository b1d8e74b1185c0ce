"""A loopback stand-in for a BRP/1 server, for tests of brp_client, sync_image and conformance without the real one.

One source server, volumes in memory, one thread. It answers as this side reads the document, so it proves nothing
about the document; it shares frames and connections with brp_client, so it proves nothing about those either. What
it does show is that the agent's side holds its part of the conversation, and that conformance.py can see an answer.
"""

import select
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field

import main_path  # noqa: F401  before what it makes known
import brp_client
from brp_client import (CODES, Connection, DataFields, HASH_OFFER, LZ4, RAW_LEN_MAX, REPORT_ONLY, Refused,
                        SOURCE_STATUS, TO_SERVER_CONTROL, TO_SERVER_DATA, Type, ZERO_COST, crc32c, differing_blocks,
                        lz4_expand, pack_bits, parse_offer)

REGION_SHIFT = 20
WINDOW_BYTES = 1 << 20
UNACKED_FRAMES_MAX = 1024
ACK_SECONDS = 1
LIMITS = {"jsonBytesMax": 65536, "controlFramesPerSecond": 100, "controlFramesBurst": 500, "attachMillis": 3000}
FIRST_FRAMES = {Type.HELLO, Type.ATTACH, Type.SOURCE_STATUS}
FIRST_FRAME_SECONDS = 10
PINGS_MAX = 10


@dataclass(eq=False)
class Peer:
    """One connection and its place in a session."""

    connection: Connection
    deadline: float
    session: object = None
    stream: int = None
    last_ack: float = 0
    durable_seq: dict = field(default_factory=dict)
    sent: dict = field(default_factory=dict)
    limit: dict = field(default_factory=dict)
    unacked: list = field(default_factory=list)
    dropped: dict = field(default_factory=dict)   # volume -> seq of its first dropped frame
    fence: int = None
    data_frames: int = 0
    pings: int = 0


@dataclass(eq=False)
class StubSession:
    control: Peer
    generation: int
    streams: int
    attach_deadline: float
    features: list
    waits: list = field(default_factory=lambda: [0, 0, 0])
    data: dict = field(default_factory=dict)
    epoch: int = None
    commit: list = None       # fences of the EPOCH_COMMIT that waits
    commit_seq: int = 0
    poisoned: bool = False
    offer: tuple = None       # the HASH_OFFER that has no answer: range, zero blocks, hashes

    def peers(self):
        return [self.control, *self.data.values()]


class RefusedDisk(Refused):
    """A HELLO that is refused for the disk at this place of it."""

    def __init__(self, code, text, place):
        super().__init__(code, text)
        self.place = place


class NotFatal(Exception):
    """Answered with EPOCH; the connection stays."""


class StubServer:
    def __init__(self, certificate, key, client_certificate, source_server_id, disks):
        self.source_server_id = source_server_id
        self.content = {name: bytearray(b"\xee" * size) for name, size in disks.items()}
        self.committed_epoch = self.generation = 0
        self.instances = []
        self.session = None
        self.statuses = []
        self._peers, self._lingering = [], []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = self._context.maximum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(certificate, key)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_verify_locations(client_certificate)
        self._context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # these certificates, as pins would be
        self._context.set_alpn_protocols([brp_client.ALPN])
        self._context.options |= ssl.OP_NO_TICKET
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="stub-server", daemon=True)
        self._thread.start()

    def stop(self):
        self._stopping = True
        self._thread.join()
        self._listener.close()
        for connection in [peer.connection for peer in self._peers] + [c for c, _ in self._lingering]:
            connection.cut()

    def _run(self):
        while not self._stopping:
            if select.select([self._listener], [], [], 0)[0]:
                self._accept()
            brp_client.pump([p.connection for p in self._peers], 0.01)
            for peer in list(self._peers):
                self._serve(peer)
            self._answer_offer()
            self._timers()
            self._linger()

    def _accept(self):
        plain, _ = self._listener.accept()
        plain.settimeout(1)
        try:
            tls = self._context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False)
        except OSError:
            plain.close()
            return
        if tls.selected_alpn_protocol() != brp_client.ALPN:
            tls.close()
            return
        connection = Connection(tls, "peer", FIRST_FRAMES)
        self._peers.append(Peer(connection, time.monotonic() + FIRST_FRAME_SECONDS))

    # One connection

    def _serve(self, peer):
        try:
            while peer.connection.frames and not peer.connection.ended:
                self._handle(peer, peer.connection.frames.popleft())
            self._check_rate(peer)
        except Refused as e:
            peer.connection.refuse(e)
        if peer.session and peer.stream is not None and not peer.connection.ended and peer.unacked:
            self._acknowledge(peer)
        if peer.connection.ended and peer in self._peers:
            self._end(peer, "STATE")

    def _check_rate(self, peer):
        if peer.connection.ended:
            return
        control_frames = peer.connection._next_received_seq - 1 - peer.data_frames
        if control_frames > LIMITS["controlFramesBurst"] or peer.pings > PINGS_MAX:
            raise Refused("RATE", "too many control frames")

    def _handle(self, peer, frame):
        try:
            getattr(self, "_on_" + frame.name.lower())(peer, frame)
        except NotFatal as e:
            self._tell_epoch(peer, frame.seq, str(e))
        except Refused as e:
            # As Connection.refuse, but with what only the frame knows.
            body = {"code": CODES[e.code], "name": e.code, "seq": str(frame.seq), "text": e.text}
            if frame.type in (Type.DATA, Type.ZERO):
                fields = DataFields.of(frame.fields)
                body["volume"] = fields.volume
                if fields.offset <= brp_client.DISK_BYTES_MAX:
                    body["offset"] = fields.offset
            if isinstance(e, RefusedDisk):
                body["volume"] = e.place
            peer.connection.send_json(Type.ERROR, body)
            peer.connection.write()
            peer.connection.ended = "refused"

    def _tell_epoch(self, peer, seq, text):
        peer.connection.send_json(Type.ERROR, {"code": CODES["EPOCH"], "name": "EPOCH", "seq": str(seq), "text": text})

    def _end(self, peer, others_code):
        """Ends a connection, and its session with it; others_code None ends the others without ERROR."""
        members = peer.session.peers() if peer.session else [peer]
        if peer.session is self.session:
            self.session = None
        for member in members:
            if member not in self._peers:
                continue
            self._peers.remove(member)
            if member is not peer and others_code:
                member.connection.send_json(Type.ERROR, {"code": CODES[others_code], "name": others_code})
            member.connection.write()
            try:
                member.connection.tls.unwrap()
            except (OSError, ValueError):
                pass
            self._lingering.append((member.connection, time.monotonic() + 1))

    def _linger(self):
        """Reads and throws away, so that the ERROR is not lost to a reset."""
        for connection, deadline in list(self._lingering):
            try:
                over = not connection.tls.recv(1 << 20)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                over = False
            except (OSError, ValueError):
                over = True
            if over or time.monotonic() > deadline:
                connection.cut()
                self._lingering.remove((connection, deadline))

    def _timers(self):
        now = time.monotonic()
        for peer in list(self._peers):
            late = not peer.session and now > peer.deadline or peer.session and peer.session.control is peer \
                and len(peer.session.data) < peer.session.streams and now > peer.session.attach_deadline
            if late:
                peer.connection.refuse(Refused("STATE", "too late"))
                self._end(peer, "STATE")
            elif peer.stream is not None and now > peer.last_ack + ACK_SECONDS:
                self._acknowledge(peer)

    # Control frames

    def _on_hello(self, peer, frame):
        body = frame.json()
        if peer.session:
            raise Refused("STATE", "second HELLO")
        if 1 not in body["versions"]:
            raise Refused("VERSION", "only 1")
        if body["sourceServerId"] != self.source_server_id:
            raise Refused("FORBIDDEN", "another source server")
        for place, disk in enumerate(body["disks"]):
            if disk["deviceName"] not in self.content:
                raise RefusedDisk("FORBIDDEN", "disk not assigned", place)
            if disk["sizeBytes"] != len(self.content[disk["deviceName"]]):
                raise RefusedDisk("RANGE", "size differs", place)
        self._take_turn(body["instance"])
        if self.session:
            older = self.session
            older.control.connection.send_json(Type.ERROR, {"code": CODES["STALE_GENERATION"]})
            self._end(older.control, "STALE_GENERATION")
        remembers = body.get("remembers", {"generation": "0", "disks": []})
        self.generation = max(self.generation, int(remembers["generation"])) + 1
        features = [f for f in (SOURCE_STATUS, HASH_OFFER) if f in body.get("features", [])]
        peer.session = self.session = StubSession(peer, self.generation, body["streams"],
                                                  time.monotonic() + LIMITS["attachMillis"] / 1000, features)
        peer.connection.accepts = TO_SERVER_CONTROL | self._offers_of(peer.session)
        known = {disk["deviceName"]: disk for disk in remembers["disks"]}
        peer.connection.send_json(Type.WELCOME, {
            "version": 1, "features": features, "generation": str(self.generation), "streams": body["streams"],
            "regionShift": REGION_SHIFT, "limits": LIMITS,
            "volumes": [self._volume(i, disk["deviceName"], known) for i, disk in enumerate(body["disks"])]})
        self.volume_names = [disk["deviceName"] for disk in body["disks"]]

    def _volume(self, index, name, known):
        data_gen, action, reason = "0123456789abcdef" * 2, "RESCAN", "AGENT_REMEMBERS_NOTHING"
        if name in known:
            same = known[name]["dataGen"] == data_gen
            action, reason = ("RESUME", "NONE") if same else ("RESCAN", "DATA_GENERATION_DIFFERS")
        return {"index": index, "volumeId": f"vol-{index}", "deviceName": name, "sizeBytes": len(self.content[name]),
                "blockSizeBytes": 512, "dataGen": data_gen, "committedEpoch": str(self.committed_epoch), "fresh": False,
                "action": action, "reason": reason}

    @staticmethod
    def _offers_of(session):
        return {Type.HASH_OFFER} if HASH_OFFER in session.features else set()

    def _take_turn(self, instance):
        if self.instances[-1:] != [instance]:
            if sum(i == instance or i == self.instances[-1] for i in self.instances) > 3:
                raise Refused("FORBIDDEN", "duplicate agent")
            self.instances.append(instance)

    def _on_source_status(self, peer, frame):
        if not peer.session or SOURCE_STATUS not in peer.session.features:
            raise Refused("UNSUPPORTED", "the feature is not granted")
        body = frame.json()
        sizes = {volume["index"]: volume["backlogBytes"] for volume in body["volumes"]}
        if len(sizes) < len(body["volumes"]):
            raise Refused("RANGE", "an index twice")
        for index, backlog in sizes.items():
            if index >= len(self.volume_names) or backlog > len(self.content[self.volume_names[index]]):
                raise Refused("RANGE", f"index {index} backlog {backlog}")
        waits = [body["waits"][name] for name in brp_client.WAITS]
        if any(now < before for now, before in zip(waits, peer.session.waits)):
            raise Refused("PROTOCOL", "waits decrease")
        peer.session.waits = waits
        self.statuses.append(sizes)

    def _on_ping(self, peer, frame):
        if peer.stream is None:  # on a data connection it only says that the agent lives
            peer.pings += 1
            peer.connection.send(Type.PONG)

    def _on_pong(self, peer, frame):
        pass

    def _on_error(self, peer, frame):
        peer.connection.ended = "error of the agent"

    def _on_bye(self, peer, frame):
        peer.connection.ended = "bye"
        self._end(peer, None)

    def _on_epoch_open(self, peer, frame):
        session, epoch = peer.session, int(frame.json()["epoch"])
        self._require_answered(session)
        if session.epoch is not None or epoch <= self.committed_epoch:
            raise NotFatal(f"cannot open {epoch}")
        session.epoch = epoch
        peer.connection.send_json(Type.EPOCH_STATUS, {"epoch": str(epoch), "committed": False})

    def _on_epoch_commit(self, peer, frame):
        session, body = peer.session, frame.json()
        fences = [int(seq) for seq in body["fences"]]
        if session.commit or session.poisoned or session.epoch != int(body["epoch"]) or len(fences) != session.streams:
            raise NotFatal("cannot commit")
        if any(d.fence not in (None, fences[i]) for i, d in session.data.items()):
            raise NotFatal("not the stream's fence")
        session.commit, session.commit_seq = fences, frame.seq
        self._try_commit(session)

    def _try_commit(self, session):
        if session.commit and [session.data[i].fence for i in range(session.streams)] == session.commit:
            self.committed_epoch = session.epoch
            session.control.connection.send_json(Type.EPOCH_STATUS, {"epoch": str(session.epoch), "committed": True})
            session.epoch = session.commit = None
            for peer in session.data.values():
                peer.fence = None

    # Hashes

    @staticmethod
    def _require_answered(session):
        if session.offer:
            raise Refused("STATE", "an offer has no answer")

    @staticmethod
    def _takes_offers(session, is_report_only):
        return session.epoch is None if is_report_only else session.epoch is not None and not session.commit

    def _on_hash_offer(self, peer, frame):
        if peer.stream is not None:
            raise Refused("STATE", "an offer on a data connection")
        blocks, zeros, hashes = parse_offer(frame.payload)
        if blocks.volume >= len(self.volume_names):
            raise Refused("RANGE", "unknown volume")
        if (blocks.first_block + blocks.count - 1) << blocks.block_shift >= len(self._content_of(blocks.volume)):
            raise Refused("RANGE", "past the end")
        self._require_answered(peer.session)
        if not self._takes_offers(peer.session, blocks.flags & REPORT_ONLY):
            raise Refused("STATE", "not the time for an offer")
        peer.session.offer = blocks, zeros, hashes

    def _answer_offer(self):
        """After all that has come was looked at, so that an offer waits for its answer."""
        if self.session and self.session.offer:
            blocks, zeros, hashes = self.session.offer
            differing = differing_blocks(self._content_of(blocks.volume), blocks, zeros, hashes)
            self.session.control.connection.send(Type.HASH_DIFF, blocks.pack() + pack_bits(differing))
            self.session.offer = None

    def _content_of(self, volume):
        return self.content[self.volume_names[volume]]

    # Data frames

    def _on_attach(self, peer, frame):
        body = frame.json()
        if peer.session:
            raise Refused("STATE", "second ATTACH")
        generation = int(body["generation"])
        if generation < self.generation:
            raise Refused("STALE_GENERATION", "older")
        if generation > self.generation or not self.session or not 0 <= body["stream"] < self.session.streams \
                or body["stream"] in self.session.data:
            raise Refused("STATE", "no such stream to attach")
        peer.session, peer.stream = self.session, body["stream"]
        peer.session.data[peer.stream] = peer
        peer.connection.accepts = TO_SERVER_DATA | self._offers_of(peer.session)
        peer.connection.send_json(Type.ATTACHED, {
            "windowBytes": WINDOW_BYTES, "rawLenMax": min(RAW_LEN_MAX, WINDOW_BYTES),
            "unackedFramesMax": UNACKED_FRAMES_MAX})

    def _on_data(self, peer, frame):
        fields = DataFields.of(frame.fields)
        self._admit(peer, frame.seq, fields, fields.raw_len, fields.raw_len)
        try:
            raw = lz4_expand(frame.payload, fields.raw_len) if fields.codec == LZ4 else frame.payload
        except ValueError as e:
            raise Refused("INTEGRITY", str(e)) from None
        if crc32c(raw) != fields.raw_crc32c:
            raise Refused("INTEGRITY", "CRC differs")
        self._write(peer, frame.seq, fields, raw)

    def _on_zero(self, peer, frame):
        fields = DataFields.of(frame.fields)
        self._admit(peer, frame.seq, fields, fields.length, ZERO_COST)
        self._write(peer, frame.seq, fields, bytes(fields.length))

    def _admit(self, peer, seq, fields, length, cost):
        peer.data_frames += 1
        volume = fields.volume
        if volume >= len(self.volume_names):
            raise Refused("RANGE", "unknown volume")
        size = len(self._content_of(volume))
        last = fields.offset + length - 1
        if last >= size or fields.offset >> REGION_SHIFT != last >> REGION_SHIFT \
                or (volume + (fields.offset >> REGION_SHIFT)) % peer.session.streams != peer.stream:
            raise Refused("RANGE", "place")
        peer.sent[volume] = peer.sent.get(volume, 0) + cost
        peer.unacked.append((volume, seq, cost))
        if peer.sent[volume] > peer.limit.get(volume, WINDOW_BYTES):
            raise Refused("LIMIT", "limit_bytes")
        if len(peer.unacked) > UNACKED_FRAMES_MAX:
            raise Refused("LIMIT", "unackedFramesMax")
        if peer.session.epoch != fields.epoch or peer.fence is not None:
            peer.unacked.pop()
            peer.dropped.setdefault(volume, seq)
            peer.session.poisoned = True
            raise NotFatal("epoch is not open or after the fence")

    def _write(self, peer, seq, fields, raw):
        self._content_of(fields.volume)[fields.offset:fields.offset + len(raw)] = raw

    def _on_fence(self, peer, frame):
        if int.from_bytes(frame.payload, "little") != peer.session.epoch or peer.fence is not None:
            raise NotFatal("fence")
        peer.fence = frame.seq
        peer.data_frames += 1
        session = peer.session
        if session.commit and session.commit[peer.stream] != frame.seq:
            self._tell_epoch(session.control, session.commit_seq, "not the stream's fence")
            session.commit = None
        self._try_commit(session)

    def _acknowledge(self, peer):
        for volume, seq, cost in peer.unacked:
            peer.limit[volume] = peer.limit.get(volume, WINDOW_BYTES) + cost
            if volume not in peer.dropped:
                peer.durable_seq[volume] = seq
        peer.unacked.clear()
        entries = [(v, peer.durable_seq.get(v, 0), limit) for v, limit in sorted(peer.limit.items())]
        payload = struct.pack("<QH6x", peer.connection._next_received_seq - 1, len(entries))
        payload += b"".join(struct.pack("<H6xQQ", *entry) for entry in entries)
        peer.connection.send(Type.DURABLE_ACK, payload)
        peer.last_ack = time.monotonic()
