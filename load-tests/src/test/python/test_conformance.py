"""Tests of the conformance runner: a right peer passes, each wrong one is told the sentence that it breaks.

Run in this folder: python3 -m unittest. CONFORMANCE_LONG=1 plays every row and every fault.
"""

import contextlib
import io
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import main_path  # noqa: F401  before what it makes known
import agent_rows
import brp_client
import conformance
import identities
import judge
import server_rows
import specification
import stub_server
from brp_client import DataFields, Endpoint, Refused, Type
from rows import Mismatch, Report, Row, Skipped
from specification import Rule, Specification, UnknownRule
from sync_image import endpoint_of
from stub_agent import FAULTS, StubAgent
from stub_server import StubServer

SEED = 20260118
DOCUMENT = specification.load()
LONG = os.environ.get("CONFORMANCE_LONG") == "1"


class SpecificationTest(unittest.TestCase):

    def test_every_rule_is_a_sentence_of_its_section(self):
        rules = [row.rule for rows in (agent_rows.ROWS, server_rows.ROWS) for row in rows.values()]
        for rule in [*rules, *judge.RULES.values()]:
            with self.subTest(rule):
                self.assertIn(rule.words.strip("| "), DOCUMENT.sentence(rule))

    def test_every_line_of_bad_input_has_a_row_against_servers(self):
        lines = DOCUMENT.table("11", "input")
        self.assertGreater(len(lines), 25)
        tested = {DOCUMENT.sentence(row.rule) for row in server_rows.ROWS.values() if row.rule.section == "11"}
        self.assertEqual(set(), set(lines) - tested)

    def test_every_operation_is_used_and_every_used_one_is_known(self):
        text = Path(server_rows.__file__).read_text(encoding="utf-8")
        for name in server_rows.OPERATIONS:
            self.assertGreater(text.count(f'"{name}"'), 1, name)

    def test_words_that_are_not_there_are_a_fault(self):
        document = Specification("## 1 One\nThis is said. That too.\n\n## 2 Two\n- An item\n  that goes on.\n")
        self.assertEqual("That too.", document.sentence(Rule("1", "That")))
        self.assertEqual("An item that goes on.", document.sentence(Rule("2", "item that")))
        for rule in (Rule("1", "item"), Rule("2", "That"), Rule("1", "s"), Rule("3", "That")):
            with self.assertRaises(UnknownRule):
                document.sentence(rule)


class ReportTest(unittest.TestCase):

    def play(self, play, as_json=False, refused=None):
        report = Report(DOCUMENT, as_json)
        probe = SimpleNamespace(note="", sent=lambda: "control: PING seq=2", close=lambda: None,
                                refused=lambda: refused)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            report.play(Row("a-row", Rule("7", "A frame on another stream is RANGE"), play), probe, (Refused,))
            status = report.finish()
        return status, out.getvalue()

    def test_failure_tells_what_was_sent_expected_and_came_and_the_sentence(self):
        def play(_probe):
            raise Mismatch("ERROR RANGE", "nothing")
        self.assertEqual((1, "FAILED a-row\n  sent      control: PING seq=2\n  expected  ERROR RANGE\n  came      nothing\n"
                             "  section 7: A frame on another stream is RANGE.\n0 passed, 1 failed\n"), self.play(play))

    def test_rule_of_the_mistake_goes_before_that_of_the_row(self):
        def play(_probe):
            raise Mismatch("PONG", "nothing", judge.RULES["sni"])
        self.assertIn("section 2: Neither side uses SNI.", self.play(play)[1])

    def test_row_fails_if_what_came_had_to_be_refused_whatever_it_made_of_that(self):
        def play(_probe):
            raise Skipped("nothing came")
        refused = Refused("PROTOCOL", "WELCOME.fresh is missing", Rule("5.1", "a required member that is missing"))
        for made_of_it in (play, lambda _probe: None):
            status, out = self.play(made_of_it, refused=refused)
            self.assertEqual(1, status)
            self.assertIn("came      PROTOCOL: WELCOME.fresh is missing\n  section 5.1: A member given twice", out)

    def test_json_has_the_same(self):
        def play(_probe):
            raise Refused("PROTOCOL", "flags 0x01")
        status, out = self.play(play, as_json=True)
        self.assertEqual(1, status)
        result = json.loads(out)
        self.assertEqual((0, 1, "failed", "11"), (result["passed"], result["failed"], result["rows"][0]["result"],
                                                  result["rows"][0]["section"]))


class CommandLineTest(unittest.TestCase):

    def run_main(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                return conformance.main(arguments), out.getvalue(), err.getvalue()
            except SystemExit as e:
                return e.code, out.getvalue(), err.getvalue()

    def test_list_names_every_row_and_its_sentence(self):
        status, out, _ = self.run_main("--list")
        self.assertEqual(0, status)
        for name in (*server_rows.ROWS, *agent_rows.ROWS):
            self.assertIn(f"  {name}  section ", out)
        self.assertNotIn("crc-differs", self.run_main("--agent", "--list")[1])

    def test_wrong_usage_is_told_with_what_is_allowed(self):
        for arguments, told in ((["--target", "host"], "HOST:PORT"), ([], "--target or --agent"),
                                (["--target", "h:1", "--rows", "x"], "there is no row x"),
                                (["--target", "h:1"], "missing: --identity, --source-server-id, --server-pin"),
                                (["--agent"], "missing: --identity, --agent-certificate"),
                                (["--target", "h:1", "--size", "513"], "a multiple of 512"),
                                (["--target", "h:1", "--server-pin", "x"], "64 lower-case hexadecimal digits"),
                                (["--target", "h:1", "--identity", "/none"], "./run agent identity makes it"),
                                (["--target", "h:1", "--operator", "dance=x"], "allowed are assign"),
                                (["--target", "h:1", "--agent"], "not allowed with")):
            with self.subTest(arguments):
                status, _, err = self.run_main(*arguments)
                self.assertEqual(2, status)
                self.assertIn(told, err)


@unittest.skipUnless(shutil.which("openssl"), "needs the openssl command to make certificates")
class WithIdentities(unittest.TestCase):
    """Two keys in a folder of their own."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        identities.make(cls.folder, "server", "agent", "wrong")
        cls.pin = identities.pin(cls.folder, "server")

    def identity(self, name):
        return str(self.folder / f"{name}.cert.pem"), str(self.folder / f"{name}.key.pem")


class AgainstServersTest(WithIdentities):
    SIZE_BYTES = 4 << 20
    # They wait for deadlines of 10 s, or need what the stub has not.
    NO_CHECK_TIME = 0x200000  # of OpenSSL, for which Python has no name
    SLOW = ["hello-timeout", "duplicate-agent", "attach-missing", "not-tls", "acknowledged-every-5-s"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        identities.make_expired(cls.folder, "expired", "agent")
        cls.known = cls.folder / "known.pem"
        cls.known.write_text("".join((cls.folder / f"{name}.cert.pem").read_text() for name in ("agent", "expired")))

    def start(self, kind=StubServer):
        server = kind(*self.identity("server"), self.known, "s-1", {"sda": self.SIZE_BYTES})
        self.addCleanup(server.stop)
        return server

    def arguments(self, port, *rows, skip=()):
        return ["--target", f"127.0.0.1:{port}", "--identity", str(self.folder / "agent"),
                "--other-identity", str(self.folder / "wrong"), "--expired-identity", str(self.folder / "expired"),
                "--source-server-id", "s-1", "--server-pin", self.pin, "--device-name", "sda",
                "--size", str(self.SIZE_BYTES), "--rows", ",".join(rows), "--skip", ",".join(skip)]

    def play(self, *rows, skip=(), kind=StubServer):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = conformance.main(self.arguments(self.start(kind).port, *rows, skip=skip))
        return status, out.getvalue()

    def test_a_right_server_passes(self):
        rows = () if LONG else ("bad-magic", "crc-differs", "wrong-stream", "sync-over-several-streams",
                                "resume-after-a-cut", "commit-wrong-fence", "no-alpn", "newer-session-fences-older",
                                "expired-client-certificate", "hash-offer-after-the-commit", "epoch-not-open",
                                "epoch-open-while-an-offer-waits", "frame-before-welcome", "crosses-region")
        status, out = self.play(*rows, skip=self.SLOW)
        self.assertEqual(0, status, out)
        if rows:
            self.assertIn(f"{len(rows)} passed, 0 failed\n", out)

    def assert_told(self, row, told, kind=StubServer):
        status, out = self.play(row, kind=kind)
        self.assertEqual(1, status, out)
        self.assertIn(told, out)

    def test_server_that_accepts_a_wrong_crc(self):
        def on_data(self, peer, frame):
            fields = DataFields.of(frame.fields)
            self._admit(peer, frame.seq, fields, fields.raw_len, fields.raw_len)
        with mock.patch.object(StubServer, "_on_data", on_data):
            self.assert_told("crc-differs", "section 8: **Integrity.** A block that does not expand")

    def test_server_that_takes_any_stream_for_a_region(self):
        def admit(self, peer, seq, fields, length, cost):
            peer.unacked.append((fields.volume, seq, cost))
        with mock.patch.object(StubServer, "_admit", admit):
            self.assert_told("wrong-stream", "section 7: A frame on another stream is RANGE.")
            self.assert_told("over-unacked-frames", "section 8: **Frames.** At most unackedFramesMax")

    def test_server_that_commits_with_wrong_fences(self):
        def on_epoch_commit(self, peer, frame):
            peer.session.commit = [d.fence for d in peer.session.data.values()]
            self._try_commit(peer.session)
        with mock.patch.object(StubServer, "_on_epoch_commit", on_epoch_commit):
            self.assert_told("commit-wrong-fence", "section 9: A FENCE that is refused does no harm")

    def test_server_that_lets_an_older_session_live(self):
        original = StubServer._on_hello

        def on_hello(self, peer, frame):
            self.session = None
            original(self, peer, frame)
        with mock.patch.object(StubServer, "_on_hello", on_hello):
            self.assert_told("newer-session-fences-older", "sends ERROR STALE_GENERATION on that session's connections")

    def test_server_that_forgets_its_commits(self):
        original = StubServer._try_commit

        def try_commit(self, session):
            original(self, session)
            self.committed_epoch = 0
        with mock.patch.object(StubServer, "_try_commit", try_commit):
            self.assert_told("commit-is-remembered", "section 6: The server says RESUME exactly when")

    def test_server_that_closes_for_an_epoch_that_is_not_open(self):
        def fatal(self, peer, seq, text):
            peer.connection.refuse(Refused("EPOCH", text))
        with mock.patch.object(StubServer, "_tell_epoch", fatal):
            self.assert_told("epoch-not-open", "section 11: epoch not open, wrong fence | EPOCH; the connection stays")

    def test_server_that_refuses_ignorable_frames(self):
        class Intolerant(brp_client.Connection):
            def _take_frames(self):
                if len(self._incoming) > 4 and self._incoming[4] >= 0x80:
                    raise Refused("UNSUPPORTED", "an unknown type")
                super()._take_frames()
        with mock.patch.object(stub_server, "Connection", Intolerant):
            self.assert_told("ignorable-type-skipped", "section 11: unknown type of 80 or above")

    def test_server_that_answers_without_alpn(self):
        def accept(self):
            plain, _ = self._listener.accept()
            try:
                tls = self._context.wrap_socket(plain, server_side=True)
            except OSError:
                plain.close()
                return
            self._peers.append(stub_server.Peer(brp_client.Connection(tls, "peer", {Type.HELLO}), float("inf")))
        with mock.patch.object(StubServer, "_accept", accept):
            self.assert_told("no-alpn", "section 11: wrong or no ALPN | closed before a byte is read")

    def test_server_that_has_another_code(self):
        original = StubServer._on_hello

        def on_hello(self, peer, frame):
            if 1 not in frame.json()["versions"]:
                raise Refused("UNSUPPORTED", "no such version")
            original(self, peer, frame)
        with mock.patch.object(StubServer, "_on_hello", on_hello):
            self.assert_told("no-common-version", "section 11: no common version | VERSION, close")
            self.assert_told("no-common-version", "came      control: ERROR UNSUPPORTED (2)")

    def test_server_that_takes_a_certificate_that_has_ended(self):
        class Timeless(StubServer):
            def _accept(self):
                self._context.verify_flags |= AgainstServersTest.NO_CHECK_TIME
                super()._accept()
        self.assert_told("expired-client-certificate", "section 11: a certificate that is not pinned, not assigned, or",
                         Timeless)

    def test_server_that_compares_whatever_the_time(self):
        with mock.patch.object(StubServer, "_takes_offers", lambda *_: True):
            self.assert_told("hash-offer-after-the-commit", "section 11: HASH_OFFER while another one of its volume")

    def test_server_that_opens_an_epoch_over_an_offer(self):
        with mock.patch.object(StubServer, "_require_answered", lambda *_: None):
            self.assert_told("epoch-open-while-an-offer-waits", "section 11: HASH_OFFER while another one of its volume")

    def test_server_that_judges_frames_before_its_welcome(self):
        class Slow(StubServer):
            def __init__(self, *arguments):
                self._hellos = []
                super().__init__(*arguments)

            def _on_hello(self, peer, frame):
                self._hellos.append((peer, frame))

            def _on_epoch_open(self, peer, frame):
                if not peer.session:
                    raise stub_server.NotFatal("no session is open")
                super()._on_epoch_open(peer, frame)

            def _timers(self):
                while self._hellos:
                    super()._on_hello(*self._hellos.pop())
                super()._timers()
        with mock.patch.object(stub_server, "FIRST_FRAMES", {Type.HELLO, Type.EPOCH_OPEN, Type.ATTACH}):
            self.assert_told("frame-before-welcome", "section 4: PING, PONG and BYE are allowed as soon as HELLO", Slow)

    def test_server_that_writes_what_it_refuses(self):
        class Hasty(StubServer):
            def _on_data(self, peer, frame):
                fields = DataFields.of(frame.fields)
                content = self._content_of(0)
                begin = min(fields.offset, len(content))
                content[begin:begin + len(frame.payload)] = frame.payload[:len(content) - begin]
                super()._on_data(peer, frame)
        for row in ("past-the-end", "crosses-region", "wrong-stream", "malformed-lz4", "lz4-length-differs",
                    "crc-differs"):
            with self.subTest(row):
                self.assert_told(row, "expected  nothing written: the block of 64 KiB at", Hasty)

    def test_what_was_written_is_not_looked_at_without_hashes(self):
        with mock.patch.object(stub_server, "HASH_OFFER", "x"):
            status, out = self.play("crc-differs")
        self.assertEqual(0, status, out)
        self.assertIn("what was written is not compared: hash-offer is not granted", out)

    def test_server_that_commits_what_it_refuses(self):
        original = StubServer._tell_epoch

        def tell_and_commit(self, peer, seq, text):
            original(self, peer, seq, text)
            peer.session.control.connection.send_json(
                Type.EPOCH_STATUS, {"epoch": str(self.committed_epoch + 1), "committed": True})

        def commit_silently(self, peer, seq, text):
            original(self, peer, seq, text)
            self.committed_epoch += 1
        for tell_epoch, row, told in (
                (tell_and_commit, "commit-wrong-fence", "expected  nothing committed\n"),
                (tell_and_commit, "data-after-fence", "expected  nothing committed\n"),
                (commit_silently, "epoch-not-open", "expected  nothing committed: committedEpoch 0 in the next"),
                (commit_silently, "commit-wrong-fence-before-fence", "expected  nothing committed: committedEpoch 0")):
            with self.subTest(row), mock.patch.object(StubServer, "_tell_epoch", tell_epoch):
                self.assert_told(row, told)

    def run_main(self, arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = conformance.main(arguments)
        self.assertEqual("", out.getvalue())
        self.assertEqual(1, err.getvalue().count("\n"), err.getvalue())
        return status, err.getvalue()

    def test_no_server_where_it_should_be_is_one_line(self):
        with socket.create_server(("127.0.0.1", 0)) as silent, \
                mock.patch.object(server_rows, "endpoint_of", self.impatient):
            port = silent.getsockname()[1]
            status, err = self.run_main(self.arguments(port))
            self.assertEqual(69, status)
            self.assertIn("does not answer within 0.5 s", err)
        status, err = self.run_main(self.arguments(port))
        self.assertEqual(69, status)
        self.assertIn("cannot be reached", err)

    def test_server_that_does_not_answer_hello_is_one_line(self):
        with mock.patch.object(StubServer, "_on_hello", lambda *_: None), \
                mock.patch.object(server_rows, "endpoint_of", self.impatient):
            status, err = self.run_main(self.arguments(self.start().port))
        self.assertEqual(69, status)
        self.assertIn("does not answer HELLO within 0.5 s", err)

    @staticmethod
    def impatient(options):
        endpoint = endpoint_of(options)
        endpoint.timeout = 0.5
        return endpoint

    def test_another_server_or_another_source_server_than_named_is_one_line(self):
        for change, told in (
                ({"--server-pin": "sha256:" + "0" * 64}, "is another server than --server-pin says"),
                ({"--identity": str(self.folder / "wrong")}, "refuses the certificate of --identity"),
                ({"--source-server-id": "s-2"}, "refuses source server s-2 with sda of 4194304 bytes: FORBIDDEN"),
                ({"--device-name": "sdb"}, "FORBIDDEN (13) seq=1 volume=0 text=disk not assigned"),
                ({"--size": "4194816"}, "RANGE (8) seq=1 volume=0 text=size differs")):
            with self.subTest(told):
                arguments = self.arguments(self.start().port)
                for name, value in change.items():
                    arguments[arguments.index(name) + 1] = value
                status, err = self.run_main(arguments)
                self.assertEqual(77, status)
                self.assertIn(told, err)

    def test_certificate_within_its_dates_is_no_expired_one(self):
        arguments = self.arguments(1)
        arguments[arguments.index("--expired-identity") + 1] = str(self.folder / "agent")
        err = io.StringIO()
        with contextlib.redirect_stderr(err), self.assertRaises(SystemExit) as raised:
            conformance.main(arguments)
        self.assertEqual(2, raised.exception.code)
        self.assertIn("allowed is one that is outside its dates by more than 5 minutes", err.getvalue())

    def test_signal_ends_with_what_was_played(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                runner = subprocess.Popen(
                    [sys.executable, "-B", conformance.__file__,
                     *self.arguments(self.start().port, "bad-magic", "hello-timeout")],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                self.assertEqual("ok bad-magic (section 11)\n", runner.stdout.readline())
                runner.send_signal(number)
                out, err = runner.communicate(timeout=20)
                self.assertEqual((128 + number, "1 passed, 0 failed\n", ""), (runner.returncode, out, err))

    # Each wrong body: its type, what is changed, the row that meets it, and the sentence.
    BODIES = (
        (Type.WELCOME, lambda body: body["volumes"][0].pop("fresh"), "ignorable-type-skipped",
         "WELCOME.volumes[0].fresh is missing\n  section 5.1: A member given twice"),
        (Type.WELCOME, lambda body: body.update(streams="1"), "crc-differs", "section 5.1: A member given twice"),
        (Type.WELCOME, lambda body: body.update(regionShift=31), "bad-magic",
         "section 5.1: A schema for each body is in"),
        (Type.ATTACHED, lambda body: body.update(windowBytes=1.5), "wrong-stream", "section 5.1: A member given twice"),
        (Type.EPOCH_STATUS, lambda body: body.update(epoch=str(1 << 63)), "commit-is-remembered",
         "section 5.1: Integers are below 2^53; 64-bit numbers"),
        (Type.ERROR, lambda body: body.update(seq=int(body.get("seq", 1))), "seq-gap",
         "ERROR.seq is not of type string\n  section 5.1: A member given twice"),
        (Type.ERROR, lambda body: body.update(text="x" * 257), "no-common-version",
         "ERROR.text is out of bounds: 257\n  section 5.1: A schema for each body is in"),
    )

    @contextlib.contextmanager
    def sending(self, frame_type, change):
        """All servers here send bodies of that type changed."""
        original = brp_client.Connection.send_json

        def send_json(connection, sent_type, body, **how):
            if sent_type == frame_type and connection.name == "peer":
                body = json.loads(json.dumps(body))
                change(body)
            return original(connection, sent_type, body, **how)
        with mock.patch.object(brp_client.Connection, "send_json", send_json):
            yield

    def test_bodies_that_are_not_as_their_schemas_say(self):
        for frame_type, change, row, told in self.BODIES:
            with self.subTest(told), self.sending(frame_type, change):
                self.assert_told(row, told)

    def test_members_that_are_not_known_are_allowed_in_every_body(self):
        for frame_type in (Type.WELCOME, Type.ATTACHED, Type.EPOCH_STATUS, Type.ERROR):
            with self.subTest(frame_type.name), self.sending(frame_type, lambda body: body.update(grease=[{}])):
                status, out = self.play("commit-is-remembered", "crc-differs")
                self.assertEqual(0, status, out)

    def test_rows_of_an_operator_are_skipped_without_one(self):
        status, out = self.play("shutdown", "paused", "overload", "volume-failed", "commit-request-and-hold")
        self.assertEqual(0, status)
        self.assertIn("skipped shutdown needs --operator shutdown=COMMAND\n", out)
        self.assertIn("0 passed, 0 failed, 5 skipped", out)


class PausingConnection(brp_client.Connection):
    """Takes no more frames of what it reads than there is room for; None is no bound."""

    room = None

    def _take_frames(self):
        while self.room != 0 and self._take_frame():
            if self.room is not None:
                self.room -= 1


class OperatedServer(StubServer):
    """One whose volume stalls and fails, that pauses and assigns anew when it is asked to; in each it can go wrong."""

    HELD_MAX = 4  # frames of a connection that it holds while the volume stalls

    stalled = failing = paused = False
    told = 0        # when PROGRESS was sent
    waiting = None  # connection and frame of a HELLO that waits for the volume
    ends_when_full = acknowledges_when_stalled = ends_when_failing = serves_when_paused = False
    goaway_of_assign, code_of_assign = "ASSIGNMENT_CHANGED", "STATE"

    def __init__(self, *arguments):
        self._asked = []
        super().__init__(*arguments)

    def operate(self, name):
        """On the stub's own thread, at its next turn."""
        done = threading.Event()
        self._asked.append((getattr(self, "_" + name.replace("-", "_")), done))
        done.wait()

    def _timers(self):
        while self._asked:
            operation, done = self._asked.pop(0)
            operation()
            done.set()
        super()._timers()

    def _tell(self, frame_type, body):
        self.session.control.connection.send_json(frame_type, body)

    def _stall(self):
        self.stalled = True
        for peer in self.session.data.values():
            peer.connection.room = self.HELD_MAX

    def _unstall(self):
        self.stalled = False
        for peer in self._peers:
            peer.connection.room = None
            peer.connection._take_frames()
        if self.waiting:
            super()._on_hello(*self.waiting)

    def _acknowledge(self, peer):
        if not self.stalled or self.acknowledges_when_stalled:
            super()._acknowledge(peer)
        elif time.monotonic() > peer.last_ack + 1:
            peer.last_ack = time.monotonic()
            peer.connection.send(Type.DURABLE_ACK, struct.pack("<Q8x", peer.connection._next_received_seq - 1))
        if self.stalled and peer.connection.room == 0 and self.ends_when_full:
            peer.connection.refuse(Refused("LIMIT", "too much waits for the volume"))
        elif self.stalled and time.monotonic() > self.told + 1:
            self.told = time.monotonic()
            self._tell(Type.PROGRESS, {"waitingFor": "VOLUME", "volumes": []})

    def _fail_volume(self):
        self.failing = True

    def _reopen_volume(self):
        self.failing = False

    def _tell_failed(self):
        self._tell(Type.ERROR, {"code": brp_client.CODES["VOLUME_FAILED"], "volume": 0, "text": "EIO"})

    def _on_data(self, peer, frame):
        if self.failing and self.ends_when_failing:
            raise Refused("STATE", "EIO")
        if self.failing:
            self._tell_failed()
        else:
            super()._on_data(peer, frame)

    def _on_epoch_commit(self, peer, frame):
        if self.failing:
            self._tell_failed()
        else:
            super()._on_epoch_commit(peer, frame)

    def _goaway(self, reason):
        self._tell(Type.GOAWAY, {"reason": reason, "deadlineMillis": 10000, "reconnectAfterMillis": 1000})

    def _pause(self):
        self.paused = True
        self._goaway("PAUSED")

    def _resume(self):
        self.paused = False

    def _on_hello(self, peer, frame):
        if self.paused and not self.serves_when_paused:
            raise Refused("PAUSED", "come back later")
        if self.stalled and self.session and any(data.unacked for data in self.session.data.values()):
            self.waiting = peer, frame
        else:
            super()._on_hello(peer, frame)

    def _assign(self):
        if self.waiting:
            self.waiting[0].connection.refuse(Refused(self.code_of_assign, "the assignment has changed"))
            self.waiting = None
        else:
            self._goaway(self.goaway_of_assign)


class AgainstOperatedServersTest(WithIdentities):
    """Rows that an operator's commands bring about."""

    SIZE_BYTES = 1 << 20
    ROWS = ("overload", "volume-failed", "paused", "assignment-changed-while-hello-waits", "assignment-changed")
    WINDOW_BYTES = 8 << 20  # more than sockets take

    def play(self, row, **wrong):
        server = OperatedServer(*self.identity("server"), self.identity("agent")[0], "s-1", {"sda": self.SIZE_BYTES})
        self.addCleanup(server.stop)
        for name, value in wrong.items():
            setattr(server, name, value)

        @contextlib.contextmanager
        def operating(_probe, name):
            server.operate(name)
            yield
        arguments = ["--target", f"127.0.0.1:{server.port}", "--identity", str(self.folder / "agent"),
                     "--source-server-id", "s-1", "--server-pin", self.pin, "--device-name", "sda",
                     "--size", str(self.SIZE_BYTES), "--rows", row]
        for name in server_rows.OPERATIONS:
            arguments += ["--operator", f"{name}=true"]
        out = io.StringIO()
        with mock.patch.object(server_rows.Probe, "operating", operating), contextlib.redirect_stdout(out), \
                mock.patch.object(stub_server, "Connection", PausingConnection), \
                mock.patch.object(stub_server, "WINDOW_BYTES", self.WINDOW_BYTES):
            return conformance.main(arguments), out.getvalue()

    def test_a_right_server_passes(self):
        for row in self.ROWS:
            with self.subTest(row):
                status, out = self.play(row)
                self.assertEqual(0, status, out)
                self.assertIn("1 passed", out)
                if row == "overload":
                    self.assertIn("reading paused", out)

    def test_server_that_reads_all_windows_passes_and_it_is_told(self):
        with mock.patch.object(OperatedServer, "HELD_MAX", 1 << 20):
            status, out = self.play("overload")
        self.assertEqual(0, status, out)
        self.assertIn("all windows were read", out)

    def test_each_wrong_one_is_told_with_its_sentence(self):
        for row, wrong, told in (
                ("overload", {"ends_when_full": True}, "section 11: overload | reading pauses, PROGRESS"),
                ("overload", {"acknowledges_when_stalled": True}, "section 8: It never means less than"),
                ("assignment-changed-while-hello-waits", {"code_of_assign": "SHUTDOWN"}, "section 11: another assignment"),
                ("volume-failed", {"ends_when_failing": True}, "section 11: device error, also of a read"),
                ("paused", {"serves_when_paused": True}, "section 11: replication of the source server is paused"),
                ("assignment-changed", {"goaway_of_assign": "SHUTDOWN"}, "section 11: another assignment of the")):
            with self.subTest(row, **wrong):
                status, out = self.play(row, **wrong)
                self.assertEqual(1, status, out)
                self.assertIn(told, out)

    def test_command_that_fails_or_does_not_end_is_told(self):
        options = SimpleNamespace(operator={"assign": "echo no; exit 3", "stall": "exec sleep 60"}, device_name="sda",
                                  size=512)
        with mock.patch.object(server_rows, "endpoint_of"), mock.patch.object(server_rows, "OPERATOR_SECONDS", 0.2):
            probe = server_rows.Probe(options)
            for name, told in (("assign", "exit code 3: no"), ("stall", "no end of it")):
                with self.assertRaises(Mismatch) as raised:
                    probe.operate(name)
                self.assertEqual(told, raised.exception.got)
            with self.assertRaises(Skipped):
                probe.operate("pause")


class AgainstAgentsTest(WithIdentities):
    SLOW = ["pings-when-idle", "slow-is-not-dead", "silent-server", "silent-data-connection", "backs-off",
            "version-refused", "forbidden", "no-alpn", "unknown-server-pin", "hash-offer-finds-what-differs"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.content = bytearray(3 << 20)
        cls.content[:2300000] = random.Random(SEED).randbytes(2300000)
        (cls.folder / "sda.img").write_bytes(cls.content)

    def arguments(self, *rows, skip):
        return ["--agent", "--listen", "127.0.0.1:0", "--identity", str(self.folder / "server"),
                "--agent-certificate", self.identity("agent")[0], "--source-server-id", "s-1",
                "--image", f"sda={self.folder / 'sda.img'}", "--patience", "15", "--rows", ",".join(rows),
                "--skip", ",".join(skip)]

    def play(self, *rows, fault=None, content=None, skip=()):
        arguments = self.arguments(*rows, skip=skip)
        agents, original = [], judge.Listener.start_agent

        def start_agent(listener):
            if not agents:
                endpoint = Endpoint("127.0.0.1", listener.port, *self.identity("agent"), frozenset([self.pin]))
                agents.append(StubAgent(endpoint, "s-1", "sda", content or self.content, fault=fault))
                threading.Thread(target=agents[0].run, name="stub-agent", daemon=True).start()
            original(listener)
        out = io.StringIO()
        try:
            with mock.patch.object(judge.Listener, "start_agent", start_agent), contextlib.redirect_stdout(out), \
                    contextlib.redirect_stderr(io.StringIO()):
                status = conformance.main(arguments)
        finally:
            for agent in agents:
                agent.stopping = True
        return status, out.getvalue()

    def test_a_right_agent_passes(self):
        rows = () if LONG else ("initial-sync", "small-regions", "bytes-window", "grease", "lost-commit-answer",
                                "resume-after-a-cut", "bad-magic", "acknowledgement-goes-back")
        status, out = self.play(*rows, skip=self.SLOW)
        self.assertEqual(0, status, out)

    # They show themselves by what does not come for some seconds.
    SLOW_FAULTS = {"deaf-to-goaway", "hammers", "no-pong", "takes-bad-acks", "takes-ungranted"}
    # Each fault: the row that shows it, and the words that it must be told.
    TOLD = {
        "wrong-stream": ("initial-sync", "section 7: The stream of a frame is"),
        "wrong-crc": ("initial-sync", "section 8: **Integrity.** A block that does not expand"),
        "over-window": ("bytes-window", "section 8: The count must never exceed limit_bytes"),
        "before-epoch-status": ("waits-for-the-epoch-to-open",
                                "section 9: The agent must not send DATA, ZERO or FENCE of the epoch before that answer"),
        "no-pong": ("ping-answered", "section 10: **Liveness.** Either side sends PING"),
        "deaf-to-goaway": ("goaway", "section 10: **GOAWAY.** The agent sends no new DATA or ZERO"),
        "refuses-ignorable": ("grease", "section 11: Fatal ends the connection"),
        "forgets-unacknowledged": ("resume-after-a-cut", "section 8: What is not acknowledged when a session ends"),
        "sends-all-again": ("resume-after-a-cut", "is all that it needs to send"),
        "wrong-fence": ("initial-sync", "section 9: `EPOCH_COMMIT {epoch, fences}`: fences[i] is the seq"),
        "takes-bad-acks": ("acknowledgement-goes-back", "durable_seq and limit_bytes of a volume on a connection never"),
        "hammers": ("backs-off", "exponential back-off from 1 s to 60 s"),
        "skips-a-region": ("initial-sync", "the agent must treat every block of the disk as unacknowledged"),
        "upper-case-instance": ("initial-sync", "section 5.1: A schema for each body is in"),
        "takes-ungranted": ("type-of-feature-not-granted", "section 4: A type that belongs to a feature is an unknown"),
        "forgets-the-commit": ("remembers-the-commit", "section 6: **What the agent remembers.** For each volume dataGen"),
    }

    def test_each_fault_is_told_with_its_sentence(self):
        self.assertEqual(FAULTS, set(self.TOLD))
        for fault, (row, told) in self.TOLD.items():
            if fault in self.SLOW_FAULTS and not LONG:
                continue
            with self.subTest(fault):
                status, out = self.play(row, fault=fault)
                self.assertEqual(1, status, out)
                self.assertIn(told, out)

    def test_other_bytes_than_the_image_has(self):
        other = bytearray(self.content)
        other[1234567] ^= 1
        status, out = self.play("initial-sync", content=other)
        self.assertEqual(1, status)
        self.assertIn("another byte at offset 1234567\n  section 1: The agent sends blocks", out)

    def test_content_that_is_not_compared_is_told(self):
        original = self.arguments
        with mock.patch.object(self, "arguments", lambda *rows, skip: [
                word for word in original(*rows, skip=skip) if word != "--image" and not word.startswith("sda=")]):
            status, out = self.play("initial-sync")
        self.assertEqual(0, status, out)
        self.assertRegex(out, r"ok initial-sync \(section 5.1\) 1 disks, .*, not compared: sda without --image\n")
        self.assertNotIn("not compared", self.play("initial-sync")[1])

    def test_nobody_that_comes_is_no_failure_of_a_row(self):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = conformance.main([
                "--agent", "--listen", "127.0.0.1:0", "--identity", str(self.folder / "server"), "--agent-certificate",
                self.identity("agent")[0], "--patience", "1", "--agent-command", "echo cannot; exit 3"])
        self.assertEqual(69, status)
        self.assertIn("no HELLO within 1 s", err.getvalue())
        self.assertIn("the agent said: cannot", err.getvalue())


if __name__ == "__main__":
    unittest.main()
