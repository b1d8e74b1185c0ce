"""The rows that provoke a BRP/1 server over real TLS: the bad input of section 11, a sync, and the optional features.

Each row has its own session and checks the documented answer: which code, on which connection, what happens to the
connection concerned and to the session's others.

The rows write to the disk that is named, so it must be one for tests. All rows use one instance, because a server
takes instances that alternate for a cloned machine; the row duplicate-agent does that, and comes last, because after
it the server refuses the source server until an operator has chosen. What only an operator can bring about is done by
commands that the caller gives; their rows are skipped without.
"""

import contextlib
import re
import secrets
import socket
import ssl
import struct
import subprocess
import tempfile
import time

from brp_client import (CODES, COMMIT_REQUEST, DataFields, Disk, HASHES_MAX, HASH_OFFER, HashRange, INSTANCE,
                        LEAF_SHIFT, LZ4, REPORT_ONLY, Refused, SOURCE_STATUS, STORED, Session, SessionEnded, Type,
                        WrongPin, ZERO_COST, crc32c, describe_error, encode, hello_body, json_bytes, lz4_compress,
                        pack_bits, pump, tls_connect)
from rows import Mismatch, Rows, Skipped, came, sent
from specification import Rule
from sync_image import endpoint_of

ERROR_SECONDS = 6        # within which an ERROR is expected that nothing delays
CLOSE_SECONDS = 2        # within which the end of a connection follows its ERROR
ACK_SECONDS = 7          # DURABLE_ACK comes at least every 5 s
OPERATIONS = {"hold", "stall", "unstall", "fail-volume", "reopen-volume", "pause", "resume", "assign", "shutdown",
              "start"}
ERRORS_SHOWN = 500       # characters of what an operator's command printed last
OPERATOR_SECONDS = 60    # within which an operator's command ends
STEP_SECONDS = 0.05
STREAMS_MAX = 16
FULL_SECONDS = 1         # in which nothing more was taken: windows or sockets are full
STEADY_ACKS_MAX = 10     # DURABLE_ACK of a connection, until what it received stands still
WAIT_SECONDS = 2         # after which a HELLO that has no answer waits for something
SECTOR = bytes(range(256)) * 2
LEAF_BYTES = 1 << LEAF_SHIFT

NOT_NOW = {CODES["SHUTDOWN"], CODES["PAUSED"]}   # codes with which a server says that it serves nobody at present
NOT_THIS = {CODES["FORBIDDEN"], CODES["RANGE"]}  # that it does not know the source server or its disk

ROWS = Rows()
row = ROWS.row


class Unreachable(Exception):
    """No server is where it was said to be, or none that would serve now."""


class NotServed(Exception):
    """A server is there, and it is not the one that was named, or does not know who was named to it."""


def check_server(options):
    """Looks once whether a good HELLO is answered, so that what is wrong with the options is no failure of every row.

    What else is wrong with the server is for the rows to say.
    """
    endpoint, where = endpoint_of(options), options.server
    try:
        session = Session(endpoint)
    except WrongPin as e:
        raise NotServed(f"{where} is another server than --server-pin says: {e}") from None
    except SessionEnded:
        return  # its ALPN or its dates
    except ssl.SSLError as e:
        if e.reason and "ALERT" in e.reason:
            raise NotServed(f"{where} refuses the certificate of --identity, or TLS as the protocol wants it: "
                            f"{e.reason}") from None
        raise Unreachable(f"{where} does not speak TLS: {e.reason or e}") from None
    except TimeoutError:
        raise Unreachable(f"{where} does not answer within {endpoint.timeout} s") from None
    except OSError as e:
        raise Unreachable(f"{where} cannot be reached: {e}") from None
    try:
        _check_hello(session, options)
    finally:
        session.close()


def _check_hello(session, options):
    control, where = session.control, options.server
    disk = Disk(options.device_name, options.size)
    control.send_json(Type.HELLO, hello_body(options.source_server_id, [disk]))
    # As long as PROGRESS comes a server may take its time.
    while not session.welcome and not is_over(control):
        session.step()
        if time.monotonic() - control.last_received > session.endpoint.timeout:
            raise Unreachable(f"{where} does not answer HELLO within {session.endpoint.timeout} s")
    if control.errors and control.errors[0]["code"] in NOT_NOW | NOT_THIS:
        told = f"{where} refuses source server {options.source_server_id} with {disk.device_name} of " \
               f"{disk.size_bytes} bytes: {describe_error(control.errors[0])}"
        raise NotServed(told) if control.errors[0]["code"] in NOT_THIS else Unreachable(told)
    if session.welcome:
        with contextlib.suppress(SessionEnded):  # whether BYE is answered is for the rows
            session.bye(seconds=CLOSE_SECONDS)


def came_on_all(session):
    return " | ".join(came(connection) for connection in session.connections)


def pattern(number, salt):
    """A block of 64 KiB that is like no other."""
    return struct.pack("<QQ", number, salt) * (LEAF_BYTES // 16)


def is_over(connection):
    return connection.errors or connection.ended


class Probe:
    """One row's sessions and the checks on them."""

    def __init__(self, options):
        self.options = options
        self.endpoint = endpoint_of(options)
        self.disk = Disk(options.device_name, options.size)
        self.note = ""
        self._sessions = []
        self._known, self._known_salt = {}, 1

    def close(self):
        for session in self._sessions:
            session.close()

    def refused(self):
        """Why something that the server sent had to be refused; None if nothing had to be."""
        return next((c.refused for s in self._sessions for c in s.connections if c.refused), None)

    def sent(self):
        """What was sent last, in words, of each connection of the newest session."""
        return sent(self._sessions[-1].connections) if self._sessions else ""

    @contextlib.contextmanager
    def operating(self, name):
        """Runs the command with which an operator does what no agent can while the block lasts, and awaits its end."""
        self.require_operator(name)
        # A file, since what the command leaves running would keep a pipe open.
        with tempfile.TemporaryFile() as output:
            command = subprocess.Popen(self.options.operator[name], shell=True, stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=subprocess.STDOUT)
            try:
                yield
                self._await(name, command, output)
            finally:
                command.kill()
                command.wait()

    def operate(self, name):
        with self.operating(name):
            pass

    def _await(self, name, command, output):
        """Sessions go on meanwhile, so that the command may wait for what they do."""
        end = time.monotonic() + OPERATOR_SECONDS
        while command.poll() is None:
            if time.monotonic() > end:
                raise Mismatch(f"--operator {name} to end within {OPERATOR_SECONDS} s", "no end of it")
            time.sleep(STEP_SECONDS)
            for session in self._sessions:
                session.step(0)
        if command.returncode:
            output.seek(0)
            printed = output.read().decode(errors="replace").strip()
            raise Mismatch(f"--operator {name} to succeed", f"exit code {command.returncode}: {printed[-ERRORS_SHOWN:]}")

    def require_operator(self, *names):
        for name in names:
            if name not in self.options.operator:
                raise Skipped(f"needs --operator {name}=COMMAND")

    @contextlib.contextmanager
    def operated(self, name, undo):
        """What an operator brings about for as long as the block lasts; undone whatever becomes of that."""
        self.require_operator(name, undo)
        self.operate(name)
        try:
            yield
        except BaseException:
            # What went wrong first is told.
            with contextlib.suppress(Mismatch):
                self.operate(undo)
            raise
        self.operate(undo)

    # Preparation

    def hello_body(self, **changed):
        return {**hello_body(self.options.source_server_id, [self.disk]), **changed}

    def bare(self):
        """A TLS connection that has sent nothing yet."""
        session = Session(self.endpoint)
        self._sessions.append(session)
        return session

    def greeted(self, streams=1, **changed):
        session = self.bare()
        session.hello(self.hello_body(streams=streams, **changed))
        if session.welcome["streams"] < streams:
            raise Skipped(f"{session.welcome['streams']} streams granted, {streams} needed")
        return session

    def attached(self, streams=1):
        session = self.greeted(streams)
        session.attach()
        return session

    def with_epoch(self, streams=1):
        session = self.attached(streams)
        session.open_epoch(session.next_epoch())
        return session

    def with_known(self, *offsets, streams=1):
        """An open epoch in which the blocks of 64 KiB with these offsets were acknowledged; see unchanged()."""
        session = self.bare()
        session.hello(self.hello_body(streams=streams, features=[HASH_OFFER]))
        if session.welcome["streams"] < streams:
            raise Skipped(f"{session.welcome['streams']} streams granted, {streams} needed")
        session.attach()
        session.open_epoch(session.next_epoch())
        for place in {offset // LEAF_BYTES * LEAF_BYTES for offset in offsets}:
            self._known[place] = pattern(place, self._known_salt)[:self.disk.size_bytes - place]
            session.send_block(self.volume(session), place, self._known[place])
        if not session.drain(ACK_SECONDS):
            raise Mismatch("the blocks before the wrong one acknowledged", came_on_all(session))
        return session

    def unchanged(self):
        """Nothing was written over what with_known() wrote, if the server can compare. What was acknowledged is durable."""
        session = self.bare()
        session.hello(self.hello_body(features=[HASH_OFFER]))
        if session.grants(HASH_OFFER):
            session.attach()
            for place, content in self._known.items():
                blocks = HashRange(self.volume(session), REPORT_ONLY, LEAF_SHIFT, place >> LEAF_SHIFT, 1)
                if session.compare(blocks, [content]):
                    raise Mismatch(f"nothing written: the block of 64 KiB at {place} as it was acknowledged",
                                   "HASH_DIFF says that it differs")
        else:
            self.note = "what was written is not compared: hash-offer is not granted"
        session.bye()
        self._known.clear()
        self._known_salt += 1

    # What rows send

    def volume(self, session):
        return session.volumes[self.disk.device_name]["index"]

    def send_data(self, session, payload=SECTOR, stream=0, **changed):
        """DATA on a stream, right but for what is changed; counted by its flow. Returns its seq."""
        fields = {"volume": self.volume(session), "codec": STORED, "dflags": 0, "raw_len": len(payload), "offset": 0,
                  "epoch": session.epoch or session.next_epoch(), "length": None, **changed}
        if fields["length"] is None:
            fields["length"] = crc32c(payload)
        seq = session.streams[stream].connection.send(Type.DATA, payload, DataFields(**fields).pack())
        if session.streams[stream].flow:
            session.streams[stream].flow.sent(fields["volume"], seq, fields["raw_len"])
        return seq

    def send_zero(self, session, payload=b"", stream=0, seq=None, **changed):
        fields = {"volume": self.volume(session), "codec": 0, "dflags": 0, "raw_len": 0, "offset": 0,
                  "epoch": session.epoch or session.next_epoch(), "length": 512, **changed}
        return session.streams[stream].connection.send(Type.ZERO, payload, DataFields(**fields).pack(), seq=seq)

    # Checks

    def until(self, session, done, seconds):
        """Steps until done() or the time is over; tells which."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                return False
            session.step(STEP_SECONDS)
        return True

    def error(self, session, connection, code, seq=None, must_have=(), seconds=ERROR_SECONDS):
        """Waits for one ERROR on the connection, checks it and takes it off."""
        wanted = f"ERROR {code} on {connection.name}" + (f" with seq {seq}" if seq else "")
        self.until(session, lambda: connection.errors or connection.ended, seconds)
        if not connection.errors:
            raise Mismatch(wanted, came_on_all(session))
        body = connection.errors.pop(0)
        if body["code"] != CODES[code] or body.get("name", code) != code:
            raise Mismatch(wanted, came_on_all(session))
        if seq and body.get("seq", str(seq)) != str(seq):
            raise Mismatch(wanted, came_on_all(session))
        for member, value in must_have:
            if body.get(member) != value:
                raise Mismatch(f"{wanted} with {member}={value!r}",
                               f"{member}={body.get(member)!r} in {came(connection)}")
        return body

    def ends(self, session, connection, seconds=CLOSE_SECONDS):
        self.until(session, lambda: connection.ended, seconds)
        if connection.ended != "close_notify" or connection.errors:
            raise Mismatch(f"{connection.name} closed by close_notify within {seconds} s, no further ERROR",
                           came_on_all(session))

    def fatal(self, session, code, connection=None, seq=None, must_have=(), others="STATE", seconds=ERROR_SECONDS):
        """The code on the connection, which then closes; the code `others` on the session's others, which close too."""
        connection = connection or session.control
        self.error(session, connection, code, seq, must_have, seconds)
        self.ends(session, connection)
        for other in session.connections if others else ():
            if other is not connection:
                self.error(session, other, others, seconds=CLOSE_SECONDS)
                self.ends(session, other)

    def not_fatal(self, session, connection, seq):
        """EPOCH, the session goes on, and nothing was committed in it."""
        self.error(session, connection, "EPOCH", seq, [("seq", str(seq))])
        self.usable(session)
        if any(status["committed"] for status in session.epoch_statuses):
            raise Mismatch("nothing committed", came_on_all(session))

    def refused_epoch(self, session, connection, seq):
        """The same, and the next session is told of no commit either."""
        self.not_fatal(session, connection, seq)
        before, after = session.next_epoch() - 1, self.greeted().next_epoch() - 1
        if after != before:
            raise Mismatch(f"nothing committed: committedEpoch {before} in the next WELCOME", after)

    def usable(self, session):
        """Control answers a PING, every data connection acknowledges the receipt of one more frame."""
        pongs = session.pongs
        session.control.send(Type.PING)
        if not self.until(session, lambda: session.pongs > pongs or session.control.ended, ERROR_SECONDS) \
                or session.pongs == pongs:
            raise Mismatch("PONG on control", came_on_all(session))
        for stream in session.streams:
            seq = stream.connection.send(0x80, b"still here?")
            self.until(session, lambda: stream.flow.received_seq >= seq or stream.connection.ended, ACK_SECONDS)
            if stream.flow.received_seq < seq:
                raise Mismatch(f"DURABLE_ACK with received_seq {seq} on {stream.connection.name}",
                               f"received_seq {stream.flow.received_seq}; " + came_on_all(session))
        self.quiet(session)

    def quiet(self, session):
        for connection in session.connections:
            if connection.errors or connection.ended:
                raise Mismatch(f"{connection.name} stays open without ERROR", came_on_all(session))

    def committed(self, session, epoch):
        done = lambda: session.has_status(epoch, True) or any(c.errors or c.ended for c in session.connections)
        self.until(session, done, 60)
        if not session.has_status(epoch, True):
            raise Mismatch(f"EPOCH_STATUS epoch {epoch} committed", came_on_all(session))

    def not_committed(self, session, epoch):
        if session.has_status(epoch, True):
            raise Mismatch(f"epoch {epoch} not committed", came_on_all(session))


# --- Frames that cannot be understood --------------------------------------------------------------------------------

def on_greeted_control(probe, code, *variants):
    """Each variant, bytes that depend on the next seq, on the control connection of a fresh session."""
    for variant in variants:
        session = probe.greeted()
        session.control.send_raw(variant(session.control.next_seq))
        probe.fatal(session, code)
        session.close()


@row("bad-magic", "11", "bad magic, bad header CRC")
def bad_magic(probe):
    on_greeted_control(probe, "PROTOCOL", lambda seq: encode(Type.PING, seq, magic=0x32505242))


@row("bad-header-crc", "3", "CRC32C over the header_len bytes")
def bad_header_crc(probe):
    on_greeted_control(probe, "PROTOCOL", lambda seq: encode(Type.PING, seq, crc_xor=1),
                       lambda seq: encode(Type.PING, seq, fields=b"\xa5" * 8)[:-1] + b"\xa4")


@row("header-len-out-of-range", "3", "length of the whole header")
def header_len_out_of_range(probe):
    on_greeted_control(probe, "PROTOCOL", lambda seq: encode(Type.PING, seq, header_len=24),
                       lambda seq: encode(Type.PING, seq, fields=b"\0", header_len=33) + bytes(31),
                       lambda seq: encode(Type.PING, seq, fields=bytes(488)))


@row("header-len-of-data-too-short", "3", "length of the whole header")
def header_len_of_data_too_short(probe):
    session = probe.with_epoch()
    session.streams[0].connection.send(Type.DATA, SECTOR, b"")
    probe.fatal(session, "PROTOCOL", session.streams[0].connection)


@row("flags-set", "3", "must be 0; otherwise PROTOCOL")
def flags_set(probe):
    on_greeted_control(probe, "PROTOCOL", lambda seq: encode(Type.PING, seq, flags=1),
                       lambda seq: encode(Type.PING, seq, flags=0x80))


def hello_text(probe, code, *texts):
    """Each text as the body of HELLO on a connection of its own."""
    for text in texts:
        session = probe.bare()
        session.control.send(Type.HELLO, text)
        probe.fatal(session, code)


def with_member(probe, member):
    """A right HELLO and one more member, given as JSON text."""
    return json_bytes(probe.hello_body())[:-1] + b"," + member + b"}"


@row("json-garbage", "5.1", "text that is not JSON is PROTOCOL")
def json_garbage(probe):
    hello_text(probe, "PROTOCOL", b"{versions:1}", b"", b"[]", json_bytes(probe.hello_body())[:-1],
               with_member(probe, b'"grease":"\xc3\x28"'))


@row("json-missing-member", "5.1", "a required member that is missing")
def json_missing_member(probe):
    for member in ("versions", "sourceServerId", "instance", "streams", "disks"):
        body = probe.hello_body()
        del body[member]
        hello_text(probe, "PROTOCOL", json_bytes(body))


@row("json-other-type", "5.1", "a value of another type or outside its range")
def json_other_type(probe):
    hello_text(probe, "PROTOCOL", json_bytes(probe.hello_body(streams="1")), json_bytes(probe.hello_body(disks={})),
               json_bytes(probe.hello_body(streams=0)))


@row("json-duplicate-member", "5.1", "A member given twice")
def json_duplicate_member(probe):
    hello_text(probe, "PROTOCOL", with_member(probe, b'"streams":1'))


@row("unknown-type-below-80", "11", "unknown type below 80")
def unknown_type_below_80(probe):
    on_greeted_control(probe, "UNSUPPORTED", lambda seq: encode(0x50, seq), lambda seq: encode(0x7F, seq, b"x"))


@row("type-of-feature-not-granted", "4", "A type that belongs to a feature is an unknown type")
def type_of_feature_not_granted(probe):
    on_greeted_control(probe, "UNSUPPORTED", lambda seq: encode(0x13, seq, b"{}"), lambda seq: encode(0x20, seq, b"{}"))


def with_hash_offer(probe):
    """A session in which hashes may be offered, attached."""
    session = probe.bare()
    session.hello(probe.hello_body(features=[HASH_OFFER]))
    if not session.grants(HASH_OFFER):
        raise Skipped(f"the feature {HASH_OFFER} is not granted")
    session.attach()
    return session


def hash_range(probe, session, **changed):
    return HashRange(**{"volume": probe.volume(session), "flags": 0, "block_shift": LEAF_SHIFT, "first_block": 0,
                        "count": 1, **changed})


def refused_offer(probe, code, *payloads, epoch=True):
    """Each payload, made from a session, in a session of its own."""
    for payload in payloads:
        session = with_hash_offer(probe)
        if epoch:
            session.open_epoch(session.next_epoch())
        session.control.send(Type.HASH_OFFER, payload(session))
        probe.fatal(session, code)
        session.close()


@row("hash-offer-compared", "17", "A block that HASH_DIFF does not name is on stable storage")
def hash_offer_compared(probe):
    session = with_hash_offer(probe)
    session.open_epoch(session.next_epoch())
    volume, leaf = probe.volume(session), bytes(range(256)) * 256
    session.send_block(volume, 0, leaf)
    session.send_zero(volume, len(leaf), len(leaf))
    if not session.drain(ACK_SECONDS):
        raise Mismatch("both blocks acknowledged", came_on_all(session))
    other = leaf[:-1] + b"\0"
    for content, differing in (([leaf, bytes(len(leaf))], []), ([other, bytes(len(leaf))], [0]), ([leaf, leaf], [1]),
                               ([bytes(len(leaf)), leaf], [0, 1])):
        found = session.compare(hash_range(probe, session, count=2), content)
        if found != differing:
            raise Mismatch(f"blocks {differing} differ", str(found))
    probe.usable(session)


@row("hash-offer-report-only", "17", "With REPORT_ONLY an agent asks between a commit and the next epoch")
def hash_offer_report_only(probe):
    session = with_hash_offer(probe)
    found = session.compare(hash_range(probe, session, flags=REPORT_ONLY), [b"\xa5" * (1 << LEAF_SHIFT)])
    if found not in ([], [0]):
        raise Mismatch("one block compared", str(found))
    probe.usable(session)


@row("hash-offer-unknown-algorithm-or-flags", "11", "HASH_OFFER: another algorithm than 1, unknown flags")
def hash_offer_unsupported(probe):
    hashes = bytes(33)
    refused_offer(probe, "UNSUPPORTED", lambda s: hash_range(probe, s).pack(algorithm=2) + hashes,
                  lambda s: hash_range(probe, s, flags=2).pack() + hashes)


@row("hash-offer-lengths", "11", "HASH_OFFER: shorter than its head")
def hash_offer_lengths(probe):
    hashes = bytes(33)
    refused_offer(probe, "LIMIT", lambda s: hash_range(probe, s, block_shift=17).pack() + hashes,
                  lambda s: hash_range(probe, s, count=0).pack() + hashes,
                  lambda s: hash_range(probe, s, count=1025).pack() + b"\xff" * 128 + b"\x01",
                  lambda s: hash_range(probe, s).pack() + hashes[:-1],
                  lambda s: hash_range(probe, s).pack() + b"\x02" + hashes[1:], lambda s: b"")


@row("hash-offer-outside-the-volume", "11", "HASH_OFFER: unknown volume index")
def hash_offer_outside(probe):
    blocks = -(-probe.disk.size_bytes // (1 << LEAF_SHIFT))
    zero = b"\x01"
    refused_offer(probe, "RANGE", lambda s: hash_range(probe, s, volume=65535).pack() + zero,
                  lambda s: hash_range(probe, s, first_block=blocks).pack() + zero,
                  lambda s: hash_range(probe, s, first_block=blocks - 1, count=2).pack() + b"\x03",
                  lambda s: hash_range(probe, s, first_block=1 << 62).pack() + zero)


@row("hash-offer-at-the-wrong-time", "11", "without REPORT_ONLY while no epoch is open")
def hash_offer_state(probe):
    zero = b"\x01"
    refused_offer(probe, "STATE", lambda s: hash_range(probe, s, flags=REPORT_ONLY).pack() + zero)
    refused_offer(probe, "STATE", lambda s: hash_range(probe, s).pack() + zero, epoch=False)


@row("hash-offer-after-the-commit", "11", "or after its EPOCH_COMMIT")
def hash_offer_after_the_commit(probe):
    """The commit names a FENCE that does not come, so it surely waits."""
    session = with_hash_offer(probe)
    session.open_epoch(session.next_epoch())
    session.begin_commit([session.streams[0].connection.next_seq])
    session.control.send(Type.HASH_OFFER, hash_range(probe, session).pack() + b"\x01")
    probe.fatal(session, "STATE")
    probe.not_committed(session, session.epoch)


@row("epoch-open-while-an-offer-waits", "11", "EPOCH_OPEN while an offer has no answer")
def epoch_open_while_an_offer_waits(probe):
    session = with_hash_offer(probe)
    count = min(HASHES_MAX, -(-probe.disk.size_bytes // LEAF_BYTES))
    blocks = hash_range(probe, session, flags=REPORT_ONLY, count=count)
    session.control.send(Type.HASH_OFFER, blocks.pack() + pack_bits([1] * count))
    session.begin_epoch(session.next_epoch())  # goes out together with the offer, of as much as an offer can be
    answers = "HASH_DIFF", "EPOCH_STATUS", "ERROR"
    answer = lambda: next((entry for entry in session.control.log if entry.startswith(answers)), None)
    probe.until(session, lambda: answer() or session.control.ended, ERROR_SECONDS)
    if answer() == "HASH_DIFF":
        raise Skipped("the server answered the offer before EPOCH_OPEN came")
    probe.fatal(session, "STATE")


@row("hash-offer-while-one-waits", "11", "HASH_OFFER while another one of its volume has no answer")
def hash_offer_while_one_waits(probe):
    session = with_hash_offer(probe)
    payload = hash_range(probe, session, flags=REPORT_ONLY).pack() + b"\x01"
    for _ in range(2):  # they go out together, so that no answer can come between
        session.control.send(Type.HASH_OFFER, payload)
    probe.fatal(session, "STATE")


@row("hash-offer-on-data", "4", "| 20 | HASH_OFFER | control |")
def hash_offer_on_data(probe):
    session = with_hash_offer(probe)
    session.streams[0].connection.send(Type.HASH_OFFER, hash_range(probe, session).pack() + b"\x01")
    probe.fatal(session, "STATE", session.streams[0].connection)


def with_source_status(probe):
    session = probe.bare()
    session.hello(probe.hello_body(features=["x-unknown", SOURCE_STATUS, SOURCE_STATUS]))
    if not session.grants(SOURCE_STATUS):
        raise Skipped(f"the feature {SOURCE_STATUS} is not granted")
    if session.welcome["features"] != [SOURCE_STATUS]:
        raise Mismatch(f"features ['{SOURCE_STATUS}'] in WELCOME", session.welcome["features"])
    return session


def source_status(backlogs, **waits):
    return {"volumes": [{"index": index, "backlogBytes": size} for index, size in backlogs],
            "waits": {"sourceMillis": 0, "networkMillis": 0, "windowMillis": 0, **waits}}


def refused_status(probe, code, *bodies):
    """Each list of bodies on a session of its own; the last of it is refused."""
    for sent in bodies:
        session = with_source_status(probe)
        for body in sent:
            seq = session.control.send_json(Type.SOURCE_STATUS, body)
        probe.fatal(session, code, seq=seq if code == "RANGE" else None)
        session.close()


@row("source-status-taken", "10", "It tells what only the agent knows, and changes nothing")
def source_status_taken(probe):
    session = with_source_status(probe)
    volume = probe.volume(session)
    for millis, backlogs in enumerate(([(volume, probe.disk.size_bytes)], [], [(volume, 0)], [(volume, 512)])):
        session.control.send_json(Type.SOURCE_STATUS, {
            **source_status(backlogs, sourceMillis=millis, windowMillis=2 * millis), "grease": [None]})
    session.attach()
    probe.usable(session)


@row("source-status-not-granted", "4", "A type that belongs to a feature is an unknown type")
def source_status_not_granted(probe):
    session = probe.greeted()
    session.control.send_json(Type.SOURCE_STATUS, source_status([]))
    probe.fatal(session, "UNSUPPORTED")
    session = probe.bare()
    session.control.send_json(Type.SOURCE_STATUS, source_status([]))
    probe.fatal(session, "UNSUPPORTED")


@row("source-status-on-data", "4", "| 14 | SOURCE_STATUS | control |")
def source_status_on_data(probe):
    session = with_source_status(probe)
    session.attach()
    session.streams[0].connection.send_json(Type.SOURCE_STATUS, source_status([]))
    probe.fatal(session, "STATE", session.streams[0].connection)


@row("source-status-out-of-range", "11", "SOURCE_STATUS with an unknown index")
def source_status_out_of_range(probe):
    size = probe.disk.size_bytes
    refused_status(probe, "RANGE", [source_status([(1, 0)])], [source_status([(65535, 0)])],
                   [source_status([(0, 0), (0, 0)])], [source_status([(0, size)]), source_status([(0, size + 1)])])


@row("source-status-malformed", "11", "SOURCE_STATUS whose waits decrease")
def source_status_malformed(probe):
    good = source_status([(0, 0)])
    refused_status(probe, "PROTOCOL", [{"volumes": []}], [{"waits": good["waits"]}],
                   [{**good, "volumes": [{"index": 0}]}], [source_status([(0, -1)])],
                   [source_status([(0, (1 << 46) + 1)])], [source_status([], sourceMillis=-1)],
                   [source_status([], networkMillis=7), source_status([], networkMillis=6, sourceMillis=9)])


@row("unknown-codec", "3", "0 stored, 1 one LZ4 block")
def unknown_codec(probe):
    session = probe.with_epoch()
    seq = probe.send_data(session, SECTOR[:100], codec=2, raw_len=512)
    probe.fatal(session, "UNSUPPORTED", session.streams[0].connection, seq)


@row("unknown-dflags", "3", "may deallocate; other bits 0")
def unknown_dflags(probe):
    session = probe.with_epoch()
    seq = probe.send_data(session, dflags=1)
    probe.fatal(session, "UNSUPPORTED", session.streams[0].connection, seq)
    session = probe.with_epoch()
    seq = probe.send_zero(session, dflags=2)
    probe.fatal(session, "UNSUPPORTED", session.streams[0].connection, seq)


# --- What must be ignored --------------------------------------------------------------------------------------------

@row("ignorable-type-skipped", "11", "unknown type of 80 or above, unknown JSON member")
def ignorable_type_skipped(probe):
    session = probe.attached()
    for connection in session.connections:
        connection.send(0x80, b"grease")
        connection.send(0xFF, bytes(65536), b"\xa5" * 480)
        connection.send(0xC3)
    probe.usable(session)


@row("ignorable-before-hello", "6", "The first frame that is not ignorable decides")
def ignorable_before_hello(probe):
    session = probe.bare()
    session.control.send(0x80, b"grease")
    session.hello(probe.hello_body())
    probe.usable(session)


@row("unknown-json-member-ignored", "5.1", "A member that the receiver does not know is ignored")
def unknown_json_member_ignored(probe):
    session = probe.bare()
    body = probe.hello_body(grease={"a": [1, {"b": None}]}, features=["x-grease"])
    body["disks"][0]["grease"] = True
    session.hello(body)
    probe.usable(session)


@row("reserved-and-extension-ignored", "12", "the reserved fields, header bytes beyond those a type defines")
def reserved_and_extension_ignored(probe):
    session = probe.with_epoch()
    grease = {"reserved": (0xDEADBEEF, 0xCAFEF00D)}
    session.control.send(Type.PONG, b"", b"\xa5" * 40, **grease)
    fields = DataFields(probe.volume(session), STORED, 0, 512, 0, session.epoch, crc32c(SECTOR) | 0xDEADBEEF << 32)
    seq = session.streams[0].connection.send(Type.DATA, SECTOR, fields.pack() + b"\xa5" * 8, **grease)
    probe.usable(session)
    if not probe.until(session, lambda: session.streams[0].flow.durable_seq.get(fields.volume, 0) >= seq, ACK_SECONDS):
        raise Mismatch(f"durable_seq {seq}", f"{session.streams[0].flow.durable_seq}; " + came_on_all(session))


# --- Lengths ---------------------------------------------------------------------------------------------------------

@row("json-too-deep", "5.1", "nested at most 8 deep")
def json_too_deep(probe):
    hello_text(probe, "LIMIT", with_member(probe, b'"grease":' + b"[" * 12 + b"]" * 12),
               with_member(probe, b'"grease":' + b"[" * 20000 + b"]" * 20000))


@row("json-too-large", "5.1", "at most 65536 bytes")
def json_too_large(probe):
    hello_text(probe, "LIMIT", json_bytes(probe.hello_body()).ljust(65537))
    session = probe.bare()
    session.control.send(Type.HELLO, payload_len=0xFFFFFFFF)  # header only: refused before the payload comes
    probe.fatal(session, "LIMIT")


@row("json-string-too-long", "5.1", "strings and names at most 1024 characters")
def json_string_too_long(probe):
    hello_text(probe, "LIMIT", with_member(probe, b'"grease":"' + b"x" * 1025 + b'"'))


@row("json-number-too-long", "5.1", "numbers at most 20 characters")
def json_number_too_long(probe):
    hello_text(probe, "LIMIT", with_member(probe, b'"grease":' + b"1" * 21))


@row("ignorable-too-large", "4", "its payload (at most 64 KiB) is skipped")
def ignorable_too_large(probe):
    on_greeted_control(probe, "LIMIT", lambda seq: encode(0x80, seq, payload_len=65537))


def bad_data(probe, code, *variants, must_have=()):
    """Each variant, keyword arguments of send_data, on the data connection of a fresh session with an open epoch.

    What is at its offset, and at the end of the disk where that is beyond it, must not have changed afterwards.
    """
    for variant in variants:
        session = probe.with_known(min(variant.get("offset", 0), probe.disk.size_bytes - 1))
        seq = probe.send_data(session, **variant)
        wanted = [(name, str(seq) if value == "SEQ" else value) for name, value in must_have]
        probe.fatal(session, code, session.streams[0].connection, seq, wanted)
        session.close()
        probe.unchanged()


@row("raw-len-zero", "11", "a length beyond its limit, raw_len 0 or not a multiple of 512")
def raw_len_zero(probe):
    bad_data(probe, "LIMIT", {"payload": b""})


@row("raw-len-unaligned", "11", "a length beyond its limit, raw_len 0 or not a multiple of 512")
def raw_len_unaligned(probe):
    bad_data(probe, "LIMIT", {"payload": SECTOR + b"x"}, {"payload": b"x"})


@row("raw-len-over-max", "3", "bytes after expansion: 512 to rawLenMax")
def raw_len_over_max(probe):
    session = probe.with_epoch()
    raw_len = session.streams[0].raw_len_max + 512
    seq = probe.send_data(session, b"\x00", raw_len=raw_len, codec=LZ4)
    probe.fatal(session, "LIMIT", session.streams[0].connection, seq)
    bad_data(probe, "LIMIT", {"payload": b"\x00", "raw_len": 0xFFFFFE00, "codec": LZ4})


@row("payload-longer-than-raw", "3", "payload_len above raw_len, or 0, is LIMIT whatever the codec")
def payload_longer_than_raw(probe):
    bad_data(probe, "LIMIT", {"payload": SECTOR + b"x", "raw_len": 512, "codec": LZ4},
             {"payload": SECTOR, "raw_len": 512, "codec": LZ4})


@row("stored-payload-differs", "3", "codec 0 requires payload_len = raw_len")
def stored_payload_differs(probe):
    bad_data(probe, "LIMIT", {"payload": SECTOR, "raw_len": 1024}, {"payload": SECTOR * 2, "raw_len": 512})


@row("zero-with-payload", "3", "payload_len and raw_len are 0 (LIMIT)")
def zero_with_payload(probe):
    session = probe.with_epoch()
    seq = probe.send_zero(session, SECTOR)
    probe.fatal(session, "LIMIT", session.streams[0].connection, seq)


def overrun(probe, session, raw_len, count):
    """Sends count blocks of zeros at once, which a server that flushes cannot acknowledge as fast as they come."""
    connection, flow = session.streams[0].connection, session.streams[0].flow
    raw = bytes(raw_len)
    payload, crc = lz4_compress(raw), crc32c(raw)
    for _ in range(count):
        last = probe.send_data(session, payload, codec=LZ4, raw_len=raw_len, length=crc)
    all_durable = lambda: flow.durable_seq.get(probe.volume(session), 0) >= last
    probe.until(session, lambda: connection.errors or connection.ended or all_durable(), 30)
    if all_durable():
        raise Skipped(f"the server acknowledged {count} blocks of {raw_len} bytes as fast as they came")
    probe.fatal(session, "LIMIT", connection)


@row("over-limit-bytes", "8", "The count must never exceed limit_bytes")
def over_limit_bytes(probe):
    session = probe.with_epoch()
    stream = session.streams[0]
    raw_len = min(stream.raw_len_max, session.region_bytes, probe.disk.size_bytes)
    overrun(probe, session, raw_len, min(8 * stream.flow.window_bytes // raw_len, stream.flow.unacked_frames_max))


@row("over-unacked-frames", "8", "At most unackedFramesMax DATA and ZERO frames")
def over_unacked_frames(probe):
    session = probe.with_epoch()
    flow = session.streams[0].flow
    count = min(4 * flow.unacked_frames_max, flow.window_bytes // 512)
    if count <= flow.unacked_frames_max:
        raise Skipped(f"the window of {flow.window_bytes} bytes ends before {flow.unacked_frames_max} frames")
    overrun(probe, session, 512, count)


# --- Order and state -------------------------------------------------------------------------------------------------

@row("seq-gap", "11", "seq gap or repeat")
def seq_gap(probe):
    session = probe.greeted()
    seq = session.control.send(Type.PING, seq=session.control.next_seq + 1)
    probe.fatal(session, "SEQUENCE", seq=seq)
    session = probe.bare()
    session.control.send_json(Type.HELLO, probe.hello_body(), seq=0)
    probe.fatal(session, "SEQUENCE")


@row("seq-repeat", "11", "seq gap or repeat")
def seq_repeat(probe):
    session = probe.with_epoch()
    seq = probe.send_zero(session)
    probe.send_zero(session, seq=seq)
    probe.fatal(session, "SEQUENCE", session.streams[0].connection, seq)


@row("data-on-control", "4", "| 61 | DATA | data |")
def data_on_control(probe):
    session = probe.with_epoch()
    fields = DataFields(probe.volume(session), STORED, 0, 512, 0, session.epoch, crc32c(SECTOR))
    seq = session.control.send(Type.DATA, SECTOR, fields.pack())
    probe.fatal(session, "STATE", seq=seq)


@row("fence-on-control", "4", "| 63 | FENCE | data |")
def fence_on_control(probe):
    session = probe.with_epoch()
    seq = session.control.send(Type.FENCE, struct.pack("<Q", session.epoch))
    probe.fatal(session, "STATE", seq=seq)


@row("control-frame-on-data", "4", "| 31 | PONG | control |")
def control_frame_on_data(probe):
    session = probe.attached()
    seq = session.streams[0].connection.send(Type.PONG)
    probe.fatal(session, "STATE", session.streams[0].connection, seq)


@row("frame-before-hello", "6", "The first frame that is not ignorable decides")
def frame_before_hello(probe):
    for frame_type, payload in ((Type.PING, b""), (Type.BYE, b'{"reason":"x"}'), (Type.FENCE, bytes(8))):
        session = probe.bare()
        session.control.send(frame_type, payload)
        probe.fatal(session, "STATE")


@row("frame-before-welcome", "4", "PING, PONG and BYE are allowed as soon as HELLO was sent")
def frame_before_welcome(probe):
    session = probe.bare()
    session.control.send_json(Type.HELLO, probe.hello_body())
    session.begin_epoch(1)  # goes out together with HELLO
    answer = lambda: next((entry for entry in session.control.log if entry.startswith(("WELCOME", "ERROR"))), None)
    probe.until(session, lambda: answer() or session.control.ended, ERROR_SECONDS)
    if answer() == "WELCOME":
        raise Skipped("WELCOME came before the frame that follows HELLO was looked at")
    probe.fatal(session, "STATE")


@row("frame-before-attach", "6", "The first frame that is not ignorable decides")
def frame_before_attach(probe):
    session = probe.greeted()
    connection = session.add_connection().connection
    probe.send_data(session)
    probe.fatal(session, "STATE", connection, others=None)


@row("second-hello", "5.1", "the first frame of a control connection, one only")
def second_hello(probe):
    session = probe.greeted()
    seq = session.control.send_json(Type.HELLO, probe.hello_body())
    probe.fatal(session, "STATE", seq=seq)


@row("second-attach", "11",
     "a frame not allowed in this state or on this connection, or one that only the server sends")
def second_attach(probe):
    session = probe.attached()
    connection = session.streams[0].connection
    seq = connection.send_json(Type.ATTACH, {"generation": session.welcome["generation"], "stream": 0})
    probe.fatal(session, "STATE", connection, seq)


@row("server-only-frame", "11",
     "a frame not allowed in this state or on this connection, or one that only the server sends")
def server_only_frame(probe):
    session = probe.greeted()
    seq = session.control.send_json(Type.EPOCH_STATUS, {"epoch": "1", "committed": True})
    probe.fatal(session, "STATE", seq=seq)
    session = probe.attached()
    connection = session.streams[0].connection
    seq = connection.send(Type.DURABLE_ACK, bytes(16))
    probe.fatal(session, "STATE", connection, seq)


# --- Generations and data connections --------------------------------------------------------------------------------
# Whether a refused ATTACH ends the session that it named is not documented, so only its own connection is looked at.

@row("attach-unknown-generation", "6", "a generation that was never given or whose session has ended")
def attach_unknown_generation(probe):
    session = probe.greeted()
    stream = session.begin_attach(0, str(int(session.welcome["generation"]) + 1000))
    probe.fatal(session, "STATE", stream.connection, others=None)


@row("stale-generation", "11", "an older generation in ATTACH")
def stale_generation(probe):
    older = probe.greeted()
    session = probe.greeted()
    stream = session.begin_attach(0, older.welcome["generation"])
    probe.fatal(session, "STALE_GENERATION", stream.connection, others=None)


@row("attach-stream-out-of-range", "6", "a stream of `streams` or above")
def attach_stream_out_of_range(probe):
    session = probe.greeted()
    stream = session.begin_attach(session.welcome["streams"])
    probe.fatal(session, "STATE", stream.connection, others=None)


@row("attach-stream-twice", "6", "or one that is attached already is STATE")
def attach_stream_twice(probe):
    session = probe.attached()
    stream = session.begin_attach(0)
    probe.fatal(session, "STATE", stream.connection, others=None)


@row("attach-missing", "6", "All must be attached within attachMillis")
def attach_missing(probe):
    session = probe.greeted(streams=2)
    started, seconds = time.monotonic(), session.welcome["limits"]["attachMillis"] / 1000
    connection = session.begin_attach(0).connection
    probe.error(session, session.control, "STATE", seconds=seconds + 3)
    if time.monotonic() - started < seconds - 1:
        raise Mismatch(f"ERROR STATE {seconds:.0f} s after WELCOME", f"it after {time.monotonic() - started:.1f} s")
    probe.ends(session, session.control)
    probe.error(session, connection, "STATE", seconds=CLOSE_SECONDS)
    probe.ends(session, connection)


@row("one-end-ends-all", "6", "When any connection of a session ends, the server ends the session")
def one_end_ends_all(probe):
    session = probe.attached(streams=2)
    session.streams[0].connection.cut()
    for connection in (session.control, session.streams[1].connection):
        probe.error(session, connection, "STATE")
        probe.ends(session, connection)
    session = probe.attached(streams=2)
    session.control.close()
    for stream in session.streams:
        probe.error(session, stream.connection, "STATE")
        probe.ends(session, stream.connection)


@row("newer-session-fences-older", "6", "sends ERROR STALE_GENERATION on that session's connections")
def newer_session_fences_older(probe):
    older = probe.attached(streams=2)
    newer = probe.greeted()
    if int(newer.welcome["generation"]) <= int(older.welcome["generation"]):
        raise Mismatch(f"a generation above {older.welcome['generation']}", newer.welcome["generation"])
    for connection in older.connections:
        probe.error(older, connection, "STALE_GENERATION", seconds=CLOSE_SECONDS)
        probe.ends(older, connection)
    newer.attach()
    probe.usable(newer)


@row("generation-follows-remembered", "6", "The server takes max(its stored generation, remembers.generation) + 1")
def generation_follows_remembered(probe):
    generation = int(probe.greeted().welcome["generation"]) + 10
    session = probe.greeted(remembers={"generation": str(generation), "disks": []})
    if session.welcome["generation"] != str(generation + 1):
        raise Mismatch(f"generation {generation + 1}", session.welcome["generation"])


# --- Places ----------------------------------------------------------------------------------------------------------

@row("unknown-volume", "11", "unknown volume index, offset not a multiple of 512")
def unknown_volume(probe):
    bad_data(probe, "RANGE", {"volume": 65535})


@row("past-the-end", "3", "lies inside one region and inside the volume")
def past_the_end(probe):
    size = probe.disk.size_bytes
    bad_data(probe, "RANGE", {"offset": size}, {"payload": SECTOR * 2, "offset": size - 512},
             {"offset": (1 << 64) - 512})


@row("crosses-region", "3", "lies inside one region and inside the volume")
def crosses_region(probe):
    region = probe.greeted().region_bytes
    if probe.disk.size_bytes <= region:
        raise Skipped(f"the disk of {probe.disk.size_bytes} bytes has one region of {region}")
    for send in (lambda session: probe.send_data(session, SECTOR * 2, offset=region - 512),
                 lambda session: probe.send_zero(session, length=1024, offset=region - 512)):
        session = probe.with_known(region - 512, region)
        seq = send(session)
        probe.fatal(session, "RANGE", session.streams[0].connection, seq)
        probe.unchanged()


@row("wrong-stream", "7", "A frame on another stream is RANGE")
def wrong_stream(probe):
    session = probe.with_known(0, streams=2)
    wrong = 1 - session.stream_of(probe.volume(session), 0)
    seq = probe.send_data(session, stream=wrong)
    probe.fatal(session, "RANGE", session.streams[wrong].connection, seq)
    probe.unchanged()


@row("offset-unaligned", "3", "byte offset on the volume, a multiple of 512")
def offset_unaligned(probe):
    bad_data(probe, "RANGE", {"offset": 100})


# --- Integrity -------------------------------------------------------------------------------------------------------

INTEGRITY_MEMBERS = [("seq", "SEQ"), ("offset", 1024)]


@row("malformed-lz4", "11", "malformed LZ4, length differs, CRC differs")
def malformed_lz4(probe):
    broken = {"offset": 1024, "codec": LZ4, "raw_len": 512}
    bad_data(probe, "INTEGRITY", {"payload": b"\xf0" + b"\xff" * 20, **broken},   # literals beyond the end
             {"payload": b"\x10x\x09\x00" + bytes(8), **broken},                  # a match before the start
             {"payload": b"\x10x\x00\x00" + bytes(8), **broken},                  # a match at distance 0
             must_have=INTEGRITY_MEMBERS)


@row("lz4-length-differs", "8", "A block that does not expand to exactly raw_len bytes")
def lz4_length_differs(probe):
    payload = lz4_compress(bytes(1024))
    bad_data(probe, "INTEGRITY",
             {"payload": payload, "raw_len": 1536, "codec": LZ4, "offset": 1024, "length": crc32c(bytes(1536))},
             {"payload": payload, "raw_len": 512, "codec": LZ4, "offset": 1024, "length": crc32c(bytes(512))},
             must_have=INTEGRITY_MEMBERS)


@row("crc-differs", "8", "A block that does not expand to exactly raw_len bytes")
def crc_differs(probe):
    bad_data(probe, "INTEGRITY", {"length": crc32c(SECTOR) ^ 1, "offset": 1024},
             {"payload": lz4_compress(bytes(1024)), "raw_len": 1024, "codec": LZ4, "length": 1, "offset": 1024},
             must_have=INTEGRITY_MEMBERS)


# --- Epochs ----------------------------------------------------------------------------------------------------------

@row("epoch-not-open", "11", "epoch not open, wrong fence")
def epoch_not_open(probe):
    session = probe.attached()
    seq = probe.send_data(session)
    probe.refused_epoch(session, session.streams[0].connection, seq)
    session = probe.with_epoch()
    seq = probe.send_zero(session, epoch=session.epoch + 1)
    probe.refused_epoch(session, session.streams[0].connection, seq)


@row("fence-of-epoch-not-open", "9", "DATA, ZERO or FENCE of an epoch that is not open or after the stream's fence")
def fence_of_epoch_not_open(probe):
    session = probe.attached()
    seq = session.streams[0].connection.send(Type.FENCE, struct.pack("<Q", session.next_epoch()))
    probe.refused_epoch(session, session.streams[0].connection, seq)


@row("commit-of-epoch-not-open", "9", "an EPOCH_COMMIT whose epoch is not open")
def commit_of_epoch_not_open(probe):
    session = probe.attached()
    session.epoch = session.next_epoch()
    seq = session.begin_commit([1])
    probe.refused_epoch(session, session.control, seq)


@row("epoch-open-not-greater", "9", "the epoch must be greater than the committed one")
def epoch_open_not_greater(probe):
    session = probe.attached()
    seq = session.begin_epoch(session.next_epoch() - 1)
    probe.refused_epoch(session, session.control, seq)


@row("epoch-open-twice", "9", "A refused EPOCH_OPEN leaves an open epoch open")
def epoch_open_twice(probe):
    session = probe.with_epoch()
    seq = session.begin_epoch(session.epoch + 1)
    probe.refused_epoch(session, session.control, seq)


@row("data-after-fence", "9", "After it no DATA or ZERO may follow on that stream")
def data_after_fence(probe):
    session = probe.with_epoch()
    session.fence()
    seq = probe.send_data(session)
    probe.refused_epoch(session, session.streams[0].connection, seq)


@row("commit-wrong-fence", "9", "an EPOCH_COMMIT that was refused may be sent again, corrected")
def commit_wrong_fence(probe):
    session = probe.with_epoch()
    probe.send_data(session)
    session.fence()
    probe.usable(session)  # the fence has arrived
    seq = session.begin_commit([session.streams[0].fence_seq - 1])
    probe.not_fatal(session, session.control, seq)
    probe.not_committed(session, session.epoch)
    session.begin_commit()
    probe.committed(session, session.epoch)


@row("commit-wrong-fence-before-fence", "9", "names a seq which is not that stream's FENCE")
def commit_wrong_fence_before_fence(probe):
    """Names the seq of ATTACH. The answer may come at once, or when the FENCE arrives."""
    session = probe.with_epoch()
    seq = session.begin_commit([1])
    probe.until(session, lambda: session.control.errors, 1)
    session.fence()
    probe.refused_epoch(session, session.control, seq)
    probe.not_committed(session, session.epoch)


@row("commit-fence-count", "9", "whose fences are not one for each stream")
def commit_fence_count(probe):
    session = probe.with_epoch()
    session.fence()
    fence = session.streams[0].fence_seq
    for fences in ([], [fence, fence]):
        seq = session.begin_commit(fences)
        probe.not_fatal(session, session.control, seq)
    probe.not_committed(session, session.epoch)
    session.begin_commit()
    probe.committed(session, session.epoch)


@row("commit-second-while-waiting", "9", "a second EPOCH_COMMIT while one waits")
def commit_second_while_waiting(probe):
    """The first names a FENCE that is sent only after the second was refused, so it surely waits."""
    session = probe.with_epoch()
    session.begin_commit([session.streams[0].connection.next_seq])
    seq = session.begin_commit([session.streams[0].connection.next_seq])
    probe.error(session, session.control, "EPOCH", seq, [("seq", str(seq))])
    session.fence()
    probe.committed(session, session.epoch)
    probe.quiet(session)


@row("dropped-frame-blocks-commit", "9", "no epoch can be committed in this session any more")
def dropped_frame_blocks_commit(probe):
    session = probe.with_epoch()
    flow, connection = session.streams[0].flow, session.streams[0].connection
    dropped = probe.send_data(session, epoch=session.epoch + 7)
    probe.error(session, connection, "EPOCH", dropped, [("seq", str(dropped))])
    probe.send_data(session)
    session.fence()
    seq = session.begin_commit()
    probe.refused_epoch(session, session.control, seq)
    probe.not_committed(session, session.epoch)
    durable = flow.durable_seq.get(probe.volume(session), 0)
    if durable >= dropped:
        raise Mismatch(f"durable_seq below the dropped {dropped}", f"{durable}; " + came_on_all(session))


@row("commit-is-remembered", "6", "The server says RESUME exactly when the dataGen is the same")
def commit_is_remembered(probe):
    session = probe.with_epoch()
    epoch = session.epoch
    probe.send_data(session)
    session.fence()
    session.begin_commit()
    probe.committed(session, epoch)
    ends = session.bye()
    if set(ends) != {"close_notify"}:
        raise Mismatch("BYE answered by close_notify on every connection", ends)
    before = session.volumes[probe.disk.device_name]
    for data_gen, action, reason in ((before["dataGen"], "RESUME", "NONE"),
                                     ("f" * 32, "RESCAN", "DATA_GENERATION_DIFFERS")):
        remembers = {"generation": session.welcome["generation"], "disks": [
            {"deviceName": probe.disk.device_name, "dataGen": data_gen, "committedEpoch": str(epoch)}]}
        volume = probe.greeted(remembers=remembers).volumes[probe.disk.device_name]
        got = volume["committedEpoch"], volume["action"], volume["reason"]
        if got != (str(epoch), action, reason):
            raise Mismatch((str(epoch), action, reason), got)


@row("remembers-nothing", "6", "The server says RESUME exactly when the dataGen is the same")
def remembers_nothing(probe):
    volume = probe.greeted().volumes[probe.disk.device_name]
    if volume["action"] != "RESCAN":
        raise Mismatch("action RESCAN", volume)


@row("acknowledged-every-5-s", "8", "at least every 5 s on every data connection, changed or not")
def acknowledged_every_5_s(probe):
    session = probe.attached()
    log = session.streams[0].connection.log
    for nth in (1, 2):
        if not probe.until(session, lambda: log.count("DURABLE_ACK") >= nth, ACK_SECONDS):
            raise Mismatch(f"DURABLE_ACK number {nth} on an idle data connection within {ACK_SECONDS} s",
                           came_on_all(session))


# --- Who may do what -------------------------------------------------------------------------------------------------

@row("other-source-id", "11", "another source server's id, duplicate agent")
def other_source_id(probe):
    session = probe.bare()
    session.control.send_json(Type.HELLO, probe.hello_body(sourceServerId=probe.options.other_source_id))
    probe.fatal(session, "FORBIDDEN")


@row("disk-not-assigned", "11", "a disk of HELLO that is not assigned; one of another size than assigned")
def disk_not_assigned(probe):
    session = probe.bare()
    other = Disk("/dev/conformance-not-assigned", probe.disk.size_bytes)
    session.control.send_json(Type.HELLO, probe.hello_body(disks=[probe.disk.json(), other.json()]))
    probe.fatal(session, "FORBIDDEN", must_have=[("volume", 1)])


@row("disk-size-differs", "6", "Its sizeBytes must be the assigned size, otherwise RANGE")
def disk_size_differs(probe):
    for size in (probe.disk.size_bytes + 512, probe.disk.size_bytes - 512):
        session = probe.bare()
        session.control.send_json(Type.HELLO, probe.hello_body(disks=[Disk(probe.disk.device_name, size).json()]))
        probe.fatal(session, "RANGE", must_have=[("volume", 0)])


@row("no-common-version", "11", "no common version | VERSION")
def no_common_version(probe):
    session = probe.bare()
    session.control.send_json(Type.HELLO, probe.hello_body(versions=[999]))
    probe.fatal(session, "VERSION")


@row("too-many-control-frames", "11", "more control frames or more PING than allowed")
def too_many_control_frames(probe):
    session = probe.greeted()
    limits = session.welcome["limits"]
    for _ in range(limits["controlFramesBurst"] + 2 * limits["controlFramesPerSecond"]):
        session.control.send(0x80)
    probe.fatal(session, "RATE")


@row("too-many-pings", "11", "more control frames or more PING than allowed")
def too_many_pings(probe):
    session = probe.greeted()
    for _ in range(40):
        session.control.send(Type.PING)
    probe.fatal(session, "RATE")


# --- TLS -------------------------------------------------------------------------------------------------------------

def tls_outcome(probe, context):
    """What a HELLO over a connection with this context leads to, in words, and the bytes that came."""
    octets = b""
    try:
        with tls_connect(probe.endpoint, context) as tls:
            tls.settimeout(CLOSE_SECONDS)
            tls.sendall(encode(Type.HELLO, 1, json_bytes(probe.hello_body())))
            while more := tls.recv(65536):
                octets += more
        return "closed", octets
    except TimeoutError:
        return f"still open after {CLOSE_SECONDS} s", octets
    except ssl.SSLEOFError:
        return "closed", octets
    except ssl.SSLError as e:
        if e.reason is None:
            # Python has names for the alerts of RFC 5246 only, so a nameless one is a later one: 120.
            return "alert no_application_protocol", octets
        alert = re.search(r"ALERT_(\w+)", e.reason)
        return (f"alert {alert[1].lower()}" if alert else f"broken ({e.reason})"), octets
    except ConnectionError:
        return "closed", octets


def alert_expected(probe, context):
    outcome, octets = tls_outcome(probe, context)
    if octets or not outcome.startswith("alert"):
        raise Mismatch("a TLS alert, no application byte", f"{outcome}, {len(octets)} bytes {octets[:64].hex()}")
    probe.note = outcome


def close_expected(probe, context):
    outcome, octets = tls_outcome(probe, context)
    if octets or outcome not in ("closed", "alert no_application_protocol"):
        raise Mismatch("closed, or alert no_application_protocol, no application byte",
                       f"{outcome}, {len(octets)} bytes {octets[:64].hex()}")
    probe.note = outcome


@row("no-alpn", "11", "wrong or no ALPN")
def no_alpn(probe):
    close_expected(probe, probe.endpoint.context(alpn=None))


@row("wrong-alpn", "11", "wrong or no ALPN")
def wrong_alpn(probe):
    close_expected(probe, probe.endpoint.context(alpn="http/1.1"))


@row("no-client-certificate", "11", "a certificate that is not pinned, not assigned")
def no_client_certificate(probe):
    endpoint = endpoint_of(probe.options)
    endpoint.certificate = None
    alert_expected(probe, endpoint.context())


@row("unpinned-client-certificate", "11", "a certificate that is not pinned, not assigned")
def unpinned_client_certificate(probe):
    if not probe.options.wrong_certificate or not probe.options.wrong_key:
        raise Skipped("needs --other-identity")
    endpoint = endpoint_of(probe.options)
    endpoint.certificate, endpoint.key = probe.options.wrong_certificate, probe.options.wrong_key
    alert_expected(probe, endpoint.context())


@row("expired-client-certificate", "11", "or outside its dates by more than 5 min")
def expired_client_certificate(probe):
    if not probe.options.expired_identity:
        raise Skipped("needs --expired-identity")
    endpoint = endpoint_of(probe.options)
    endpoint.certificate, endpoint.key = probe.options.expired_identity
    alert_expected(probe, endpoint.context())


@row("not-tls", "11", "not TLS | closed")
def not_tls(probe):
    octets, end = b"", "closed"
    with socket.create_connection((probe.endpoint.host, probe.endpoint.port), 10) as plain:
        plain.sendall(encode(Type.HELLO, 1, json_bytes(probe.hello_body())))
        plain.settimeout(7)  # the handshake has 5 s
        try:
            while more := plain.recv(65536):
                octets += more
        except TimeoutError:
            end = "still open after 7 s"
        except ConnectionError:
            end = "reset"
    # A TLS alert is one record of type 21; whether there is one is the TLS engine's choice.
    alert = len(octets) == 7 and octets[:2] == b"\x15\x03"
    if end == "still open after 7 s" or (octets and not alert):
        raise Mismatch("at most a TLS alert, then closed", f"{end}, {len(octets)} bytes {octets[:64].hex()}")
    probe.note = "alert" if alert else end


@row("connect-and-close", "11", "TCP connect and close")
def connect_and_close(probe):
    session = probe.greeted()
    for _ in range(3):
        socket.create_connection((probe.endpoint.host, probe.endpoint.port), 10).close()
    probe.usable(session)


@row("resumption-refused", "2", "no session resumption")
def resumption_refused(probe):
    """Offers the first connection's TLS session again: by its ticket, if it has one, and by its id."""
    for tickets in (True, False):
        context = probe.endpoint.context()
        if tickets:
            context.options &= ~ssl.OP_NO_TICKET
        with tls_connect(probe.endpoint, context) as first:
            tls_session = first.session
        if tls_session is not None and tls_session.has_ticket:
            raise Mismatch("no session ticket", f"one that lives {tls_session.ticket_lifetime_hint} s")
        with tls_connect(probe.endpoint, context, tls_session) as second:
            if second.session_reused:
                raise Mismatch("a full handshake", "a resumed session")


@row("hello-timeout", "6", "received whole within 10 s of the handshake")
def hello_timeout(probe):
    session = probe.bare()
    started = time.monotonic()
    probe.error(session, session.control, "STATE", seconds=13)
    if not 9 < time.monotonic() - started < 12:
        raise Mismatch("ERROR STATE 10 s after the handshake", f"it after {time.monotonic() - started:.1f} s")
    probe.ends(session, session.control)



# --- A sync ----------------------------------------------------------------------------------------------------------

SYNC_REGIONS_MAX = 64


class Writes:
    """Blocks of a disk that a row writes, one at the begin of each region, and what the volume must hold then."""

    def __init__(self, probe, session):
        size = probe.disk.size_bytes
        self.volume = probe.volume(session)
        self.places = list(range(0, size, session.region_bytes))[:SYNC_REGIONS_MAX]
        if not self.places or self.places[-1] + LEAF_BYTES > size:
            self.places.pop()
        if not self.places:
            raise Skipped(f"the disk of {size} bytes has no region of {LEAF_BYTES}")
        self.content = {}

    def data(self, session, place, salt):
        self._send(session, place, LEAF_BYTES, lambda: session.send_block(self.volume, place, pattern(place, salt)))
        self.content[place] = pattern(place, salt)

    def zero(self, session, place):
        self._send(session, place, ZERO_COST, lambda: session.send_zero(self.volume, place, LEAF_BYTES))
        self.content[place] = bytes(LEAF_BYTES)

    def _send(self, session, place, cost, send):
        session.wait(lambda: session.can_send(self.volume, place, cost), "room in the window", 60)
        send()

    def check(self, session):
        """Compares what the volume holds with what was written, if the server can."""
        if not session.grants(HASH_OFFER):
            return "not compared: hash-offer is not granted"
        for place, content in self.content.items():
            blocks = HashRange(self.volume, REPORT_ONLY, LEAF_SHIFT, place >> LEAF_SHIFT, 1)
            if session.compare(blocks, [content]):
                raise Mismatch(f"the block of 64 KiB at {place} as it was sent", "HASH_DIFF says that it differs")
        return f"{len(self.content)} blocks compared"


def greeted_for_sync(probe, streams, **changed):
    session = probe.bare()
    session.hello(probe.hello_body(streams=streams, features=[HASH_OFFER], **changed))
    session.attach()
    return session


def commit_all(probe, session):
    epoch = session.epoch
    session.fence()
    session.begin_commit()
    probe.committed(session, epoch)
    return epoch


def remembered(probe, session, epoch):
    volume = session.volumes[probe.disk.device_name]
    return {"generation": session.welcome["generation"], "disks": [
        {"deviceName": probe.disk.device_name, "dataGen": volume["dataGen"], "committedEpoch": str(epoch)}]}


@row("sync-over-several-streams", "7", "Frames of one connection that overlap take effect in the order of their seq")
def sync_over_several_streams(probe):
    """Two epochs over three streams: blocks, then other blocks and zeros over them, in one and in the next."""
    session = greeted_for_sync(probe, 3)
    writes = Writes(probe, session)
    first = session.next_epoch()
    for epoch in (first, first + 1):
        session.open_epoch(epoch)
        for number, place in enumerate(writes.places):
            writes.data(session, place, 2 * epoch)
            if number % 3 == epoch % 3:
                writes.zero(session, place)
            elif number % 3 == (epoch + 1) % 3:
                writes.zero(session, place)
                writes.data(session, place, 2 * epoch + 1)
        commit_all(probe, session)
    probe.note = f"{session.welcome['streams']} streams, epochs {first} and {epoch}, {writes.check(session)}"


@row("zero-reads-as-zero", "8", "ZERO: the range reads back as zero, always")
def zero_reads_as_zero(probe):
    session = greeted_for_sync(probe, 1)
    if not session.grants(HASH_OFFER):
        raise Skipped(f"the feature {HASH_OFFER} is not granted")
    writes = Writes(probe, session)
    session.open_epoch(session.next_epoch())
    place = writes.places[0]
    for deallocate in (0, 1):
        writes.data(session, place, 7)
        session.send_zero(writes.volume, place, LEAF_BYTES, deallocate)
        writes.content[place] = bytes(LEAF_BYTES)
        if not session.drain(ACK_SECONDS):
            raise Mismatch("both frames acknowledged", came_on_all(session))
        blocks = HashRange(writes.volume, 0, LEAF_SHIFT, place >> LEAF_SHIFT, 1)
        if session.compare(blocks, [bytes(LEAF_BYTES)]):
            raise Mismatch("zeros", "HASH_DIFF says that the block differs")


@row("resume-after-a-cut", "8", "What is not acknowledged when a session ends is sent again in the next")
def resume_after_a_cut(probe):
    """Half of the blocks is acknowledged, the others are cut off; only these are sent again, under the same number."""
    session = greeted_for_sync(probe, 2)
    writes, epoch = Writes(probe, session), session.next_epoch()
    session.open_epoch(epoch)
    half = len(writes.places) // 2 or 1
    for place in writes.places[:half]:
        writes.data(session, place, 3)
    if not session.drain(60):
        raise Mismatch("all frames acknowledged", came_on_all(session))
    for place in writes.places[half:]:
        writes.data(session, place, 4)
    session.step(0)
    for connection in session.connections:
        connection.cut()
    again = greeted_for_sync(probe, 2, remembers=remembered(probe, session, epoch - 1))
    volume = again.volumes[probe.disk.device_name]
    got = volume["action"], volume["committedEpoch"]
    if got != ("RESUME", str(epoch - 1)):
        raise Mismatch(("RESUME", str(epoch - 1)), got)
    again.open_epoch(epoch)
    for place in writes.places[half:]:
        writes.data(again, place, 5)
    commit_all(probe, again)
    probe.note = writes.check(again)


# --- Speed tests -----------------------------------------------------------------------------------------------------

class SpeedTest:
    """A test control connection and its test connections; it looks like a session to the checks of a probe."""

    def __init__(self, probe):
        self._probe = probe
        self.control = probe.endpoint.connect(
            "test control", {Type.TEST_OPENED, Type.TEST_RESULT, Type.PING, Type.PONG, Type.ERROR})
        self.tests = []
        self.opened = self.result = None
        self.limit_bytes = self.checked_seq = 0
        probe._sessions.append(self)

    @property
    def connections(self):
        return [self.control, *self.tests]

    def open(self, **changed):
        return self.control.send_json(Type.TEST_OPEN, {
            "versions": [1], "sourceServerId": self._probe.options.source_server_id, "streams": 1, "seconds": 5,
            "bytesMax": 1 << 24, **changed})

    def begin(self):
        self.open()
        self._probe.until(self, lambda: self.opened or is_over(self.control), ERROR_SECONDS)
        if not self.opened:
            errors = [body["code"] for body in self.control.errors]
            if errors == [CODES["UNSUPPORTED"]]:
                raise Skipped("the server has no speed test")
            if errors == [CODES["RATE"]]:
                raise Skipped("the server began as many speed tests in this minute as it may")
            raise Mismatch("TEST_OPENED", came_on_all(self))

    def attach(self):
        test = self._probe.endpoint.connect("test 0", {Type.ATTACHED, Type.TEST_ACK, Type.ERROR})
        self.tests.append(test)
        test.send_json(Type.TEST_ATTACH, {"test": self.opened["test"], "stream": 0})
        self._probe.until(self, lambda: self.limit_bytes or is_over(test), ERROR_SECONDS)
        if not self.limit_bytes:
            raise Mismatch("ATTACHED on test 0", came_on_all(self))

    def send(self, raw_len=LEAF_BYTES, crc_xor=0):
        payload, raw = lz4_compress(bytes(raw_len)), bytes(raw_len)
        fields = DataFields(0, LZ4, 0, raw_len, 0, 0, crc32c(raw) ^ crc_xor)
        return self.tests[0].send(Type.TEST, payload, fields.pack())

    def step(self, timeout=0.1):
        pump(self.connections, timeout)
        for connection in self.connections:
            while connection.frames:
                try:
                    self._handle(connection, connection.frames.popleft())
                except Refused as e:
                    connection.refuse(e)

    def _handle(self, connection, frame):
        connection.log.append(frame.name)
        match frame.type:
            case Type.PING:
                connection.send(Type.PONG)
            case Type.ERROR:
                connection.errors.append(frame.json())
                connection.log[-1] = f"ERROR {describe_error(connection.errors[-1])}"
            case Type.TEST_OPENED:
                self.opened = frame.json()
            case Type.TEST_RESULT:
                self.result = frame.json()
            case Type.ATTACHED:
                self.limit_bytes = frame.json()["windowBytes"]
            case Type.TEST_ACK:
                body = frame.json()
                self.checked_seq, self.limit_bytes = int(body["checkedSeq"]), body["limitBytes"]

    def close(self):
        for connection in self.connections:
            connection.close()


@row("speed-test-measured", "16", "the server sends TEST_RESULT and closes all connections of the speed test")
def speed_test_measured(probe):
    test = SpeedTest(probe)
    test.begin()
    test.attach()
    count = 4
    for _ in range(count):
        last = test.send()
    if not probe.until(test, lambda: test.checked_seq >= last or is_over(test.tests[0]), ERROR_SECONDS) \
            or test.checked_seq < last:
        raise Mismatch(f"TEST_ACK with checkedSeq {last}", came_on_all(test))
    test.control.send_json(Type.BYE, {"reason": "done"})
    probe.until(test, lambda: all(c.ended for c in test.connections), ERROR_SECONDS)
    if not test.result or test.control.ended != "close_notify":
        raise Mismatch("TEST_RESULT, then close_notify", came_on_all(test))
    got = test.result["ended"], test.result["frames"], test.result["rawBytes"]
    if got != ("AGENT", count, count * LEAF_BYTES):
        raise Mismatch(("AGENT", count, count * LEAF_BYTES), got)


@row("speed-test-of-another-source-server", "16", "TEST_OPEN is judged in this order")
def speed_test_of_another(probe):
    for code, changed in (("VERSION", {"versions": [999]}), ("PROTOCOL", {"seconds": 31}), ("PROTOCOL", {"streams": 0}),
                          ("FORBIDDEN", {"sourceServerId": probe.options.other_source_id})):
        test = SpeedTest(probe)
        test.open(**changed)
        probe.until(test, lambda: is_over(test.control), ERROR_SECONDS)
        if [body["code"] for body in test.control.errors] == [CODES["UNSUPPORTED"]]:
            raise Skipped("the server has no speed test")
        probe.fatal(test, code)


@row("speed-test-block-differs", "16", "A TEST frame that does not expand to raw_len bytes with raw_crc32c")
def speed_test_block_differs(probe):
    test = SpeedTest(probe)
    test.begin()
    test.attach()
    seq = test.send(crc_xor=1)
    probe.fatal(test, "INTEGRITY", test.tests[0], seq)


@row("speed-test-while-another-runs", "11", "a speed test while another of the source server")
def speed_test_while_another_runs(probe):
    first = SpeedTest(probe)
    first.begin()
    first.attach()
    second = SpeedTest(probe)
    second.open()
    probe.fatal(second, "LIMIT")
    last = first.send()
    if not probe.until(first, lambda: first.checked_seq >= last or is_over(first.control), ERROR_SECONDS) \
            or is_over(first.control):
        raise Mismatch("the first speed test to go on", came_on_all(first))


@row("speed-tests-too-many", "11", "more speed tests of a source server a minute than allowed")
def speed_tests_too_many(probe):
    for began in range(10):
        test = SpeedTest(probe)
        try:
            test.begin()
        except Skipped:
            if test.control.errors[0]["code"] != CODES["RATE"]:
                raise
            probe.fatal(test, "RATE")
            probe.note = f"refused after {began} more"
            return
        test.control.send_json(Type.BYE, {"reason": "enough"})
        probe.until(test, lambda: test.control.ended, ERROR_SECONDS)
        test.close()
    raise Mismatch("ERROR RATE after 6 in a minute", "TEST_OPENED ten times")


# --- What an operator brings about -----------------------------------------------------------------------------------

def goes_away(probe, session, *reasons):
    """GOAWAY with one of the reasons; what was sent is acknowledged; BYE is answered by the end without ERROR."""
    if not probe.until(session, lambda: session.goaway or is_over(session.control), OPERATOR_SECONDS) \
            or not session.goaway:
        raise Mismatch(f"GOAWAY {' or '.join(reasons)}", came_on_all(session))
    if session.goaway["reason"] not in reasons:
        raise Mismatch(f"GOAWAY {' or '.join(reasons)}", f"GOAWAY {session.goaway}")
    if not session.drain(ACK_SECONDS):
        raise Mismatch("what was received before GOAWAY acknowledged", came_on_all(session))
    ends = session.bye()
    if set(ends) != {"close_notify"}:
        raise Mismatch("BYE answered by close_notify on every connection", ends)


def with_unacknowledged(probe):
    session = probe.with_epoch()
    session.send_block(probe.volume(session), 0, SECTOR)
    return session


@row("commit-request-and-hold", "9", "The server would have a commit soon")
def commit_request_and_hold(probe):
    """The operator's command holds the source server for some seconds, more than 2 of them after the commit."""
    probe.require_operator("hold")
    session = probe.bare()
    session.hello(probe.hello_body(features=[COMMIT_REQUEST]))
    if not session.grants(COMMIT_REQUEST):
        raise Skipped(f"the feature {COMMIT_REQUEST} is not granted")
    session.attach()
    session.open_epoch(session.next_epoch())
    commit_all(probe, session)
    epoch = session.epoch + 1
    with probe.operating("hold"):
        if not probe.until(session, lambda: session.commit_requests or is_over(session.control), OPERATOR_SECONDS) \
                or not session.commit_requests:
            raise Mismatch("COMMIT_REQUEST", came_on_all(session))
        session.open_epoch(epoch)
        session.fence()
        session.begin_commit()
        probe.committed(session, epoch)
        if "HOLD" not in session.progresses:
            raise Mismatch("PROGRESS HOLD before the commit is answered", came_on_all(session))


def fill_windows(probe, session):
    """Sends blocks until no window of the session has room for one more, or the server takes no more bytes."""
    volume, length = probe.volume(session), min(LEAF_BYTES, probe.disk.size_bytes)
    raw = secrets.token_bytes(length)  # which LZ4 would not make smaller
    crc = crc32c(raw)
    places = {session.stream_of(volume, place): place
              for place in range(0, probe.disk.size_bytes - length + 1, session.region_bytes)}
    moved, unsent = time.monotonic(), 0
    while time.monotonic() < moved + FULL_SECONDS:
        for number, place in places.items():
            if session.can_send(volume, place, length):
                probe.send_data(session, raw, number, offset=place, length=crc)
        session.step(STEP_SECONDS)
        before, unsent = unsent, sum(connection.unsent for connection in session.connections)
        if unsent != before:
            moved = time.monotonic()
        if any(is_over(connection) for connection in session.connections):
            raise Mismatch("no ERROR and no end while the volume stands still", came_on_all(session))


def acknowledged_again(probe, session):
    """received_seq of each data connection, once one more DURABLE_ACK has come on each."""
    logs = [(stream.connection.log, len(stream.connection.log)) for stream in session.streams]
    came_again = lambda: all("DURABLE_ACK" in log[before:] for log, before in logs)
    probe.until(session, lambda: came_again() or any(is_over(c) for c in session.connections), ACK_SECONDS)
    probe.quiet(session)
    if not came_again():
        raise Mismatch(f"DURABLE_ACK on every data connection within {ACK_SECONDS} s", came_on_all(session),
                       Rule("8", "at least every 5 s on every data connection, changed or not"))
    return [stream.flow.received_seq for stream in session.streams]


def stands_still(probe, session):
    """received_seq of each data connection, which does not change any more."""
    received = acknowledged_again(probe, session)
    for _ in range(STEADY_ACKS_MAX):
        before, received = received, acknowledged_again(probe, session)
        if received == before:
            return received
    raise Mismatch("received_seq to stand still while the volume does and the windows are full", f"{received} at last")


@row("overload", "11", "overload | reading pauses, PROGRESS")
def overload(probe):
    """Windows, and sockets where reading pauses, are filled while the operator stalls the volume.

    PROGRESS says so, no ERROR comes, nothing is acknowledged, and all goes on when the volume moves again.
    """
    session = probe.bare()
    session.hello(probe.hello_body(streams=STREAMS_MAX))
    session.attach()
    session.open_epoch(session.next_epoch())
    with probe.operated("stall", "unstall"):
        fill_windows(probe, session)
        if not probe.until(session, lambda: "VOLUME" in session.progresses or is_over(session.control), 10):
            raise Mismatch("PROGRESS VOLUME within 10 s", came_on_all(session))
        received = stands_still(probe, session)
        if any(stream.flow.durable_seq.get(probe.volume(session), 0) for stream in session.streams):
            raise Mismatch("nothing acknowledged that the device has not taken", came_on_all(session),
                           Rule("8", "It never means less than *durable*"))
        sent = [stream.connection.next_seq - 1 for stream in session.streams]
        # A server whose memory holds all windows that it grants has no reason to pause.
        probe.note = "reading paused" if sum(received) < sum(sent) else "all windows were read"
        probe.note += f": {sum(received)} of {sum(sent)} frames received"
    if not session.drain(OPERATOR_SECONDS):
        raise Mismatch("DURABLE_ACK once the volume moves", came_on_all(session))
    probe.usable(session)


@row("volume-failed", "11", "device error, also of a read for a comparison")
def volume_failed(probe):
    """The operator makes the device fail: VOLUME_FAILED on the control connection, which stays."""
    session = probe.with_epoch()
    with probe.operated("fail-volume", "reopen-volume"):
        session.send_block(probe.volume(session), 0, SECTOR)
        probe.error(session, session.control, "VOLUME_FAILED", None, [("volume", probe.volume(session))],
                    OPERATOR_SECONDS)
        pongs = session.pongs
        seq = session.control.send(Type.PING)
        probe.until(session, lambda: session.pongs > pongs or is_over(session.control), ERROR_SECONDS)
        if session.pongs == pongs:
            raise Mismatch(f"PONG for PING {seq}: only the volume has failed", came_on_all(session))
        session.fence()
        session.begin_commit()
        probe.error(session, session.control, "VOLUME_FAILED", seconds=OPERATOR_SECONDS)
        probe.not_committed(session, session.epoch)


@row("paused", "11", "replication of the source server is paused or stopped")
def paused(probe):
    session = with_unacknowledged(probe)
    with probe.operated("pause", "resume"):
        goes_away(probe, session, "PAUSED", "STOPPED")
        waiting = probe.bare()
        waiting.control.send_json(Type.HELLO, probe.hello_body())
        probe.fatal(waiting, "PAUSED")


@row("assignment-changed-while-hello-waits", "11", "a HELLO that waits for its WELCOME: STATE")
def assignment_changed_while_hello_waits(probe):
    """The device stands still in a write of a session, for whose end the HELLO of the next one waits."""
    probe.require_operator("assign")
    older = probe.with_epoch()
    with contextlib.ExitStack() as assigning:  # whose end may wait for the device to move
        with probe.operated("stall", "unstall"):
            older.send_block(probe.volume(older), 0, SECTOR)
            if not probe.until(older, lambda: "VOLUME" in older.progresses or is_over(older.control), 10):
                raise Mismatch("PROGRESS VOLUME within 10 s", came_on_all(older))
            session = probe.bare()
            session.control.send_json(Type.HELLO, probe.hello_body())
            if probe.until(session, lambda: session.welcome, WAIT_SECONDS):
                raise Skipped("WELCOME does not wait for a write of the session before")
            assigning.enter_context(probe.operating("assign"))
            probe.fatal(session, "STATE")


@row("assignment-changed", "11", "another assignment of the agent's disks")
def assignment_changed(probe):
    session = with_unacknowledged(probe)
    with probe.operating("assign"):
        goes_away(probe, session, "ASSIGNMENT_CHANGED")


@row("shutdown", "11", "shutdown | GOAWAY; what was received is finished")
def shutdown(probe):
    """A HELLO that comes while the session finishes gets SHUTDOWN. The operator starts the server again afterwards."""
    session = with_unacknowledged(probe)
    with probe.operated("shutdown", "start"):
        probe.until(session, lambda: session.goaway or is_over(session.control), ERROR_SECONDS)
        try:
            late = probe.bare()
        except OSError:
            probe.note = "the port is closed at once"
        else:
            late.control.send_json(Type.HELLO, probe.hello_body())
            probe.fatal(late, "SHUTDOWN")
        goes_away(probe, session, "SHUTDOWN")


# --- Clones ----------------------------------------------------------------------------------------------------------

@row("duplicate-agent", "6", "The fourth return within five minutes")
def duplicate_agent(probe):
    """Two instances take turns. More than three turns are refused; a run just before this one may count as one."""
    probe.greeted(instance=INSTANCE)
    instances = [secrets.token_hex(16), INSTANCE]
    for turn in range(1, 7):
        session = probe.bare()
        session.control.send_json(Type.HELLO, probe.hello_body(instance=instances[(turn - 1) % 2]))
        probe.until(session, lambda: session.welcome or session.control.errors or session.control.ended, 30)
        if session.welcome:
            continue
        body = probe.error(session, session.control, "FORBIDDEN")
        probe.ends(session, session.control)
        if "duplicate agent" not in body.get("text", ""):
            raise Mismatch('text "duplicate agent"', describe_error(body))
        if turn < 3 or turn > 5:
            raise Mismatch("refusal at the fourth turn, give or take one", f"it at turn {turn}")
        probe.note = f"refused at turn {turn}"
        return
    raise Mismatch("ERROR FORBIDDEN after more than three turns", "WELCOME at every one of 6 turns")
