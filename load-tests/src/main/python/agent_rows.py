"""The rows that play a BRP/1 server for an agent: what an agent must do in a good session, and what it must make of a
server that is slow, goes away, is cut off or breaks the protocol.

Each row begins with a new session of the agent, so an agent must go on for ever: sync, then epochs. All that it sends
is judged all the time, see judge.py. Rows after which an agent may stop for good come last.
"""

import struct
import time

from brp_client import (CODES, COMMIT_REQUEST, HASH_OFFER, NAMES, RAW_LEN_MAX, SECTOR, SOURCE_STATUS, Type,
                        encode, json_bytes)
from judge import Epoch, NobodyCame, RULES, Session
from rows import Mismatch, Rows, Skipped, came, sent
from specification import Rule

ANSWER_SECONDS = 6       # within which an agent answers what nothing delays
SYNC_SECONDS = 120       # within which all of the disk comes
EPOCH_SECONDS = 75       # within which an agent begins its next epoch by itself
QUIET_SECONDS = 0.5      # after which nothing more is under way
AT_ONCE_SECONDS = 3      # "without delay"
STOPPED_SECONDS = 55     # of the 60 s that an agent waits after VERSION, UNSUPPORTED and FORBIDDEN
HAMMERING_SECONDS, HAMMERING_MAX = 10, 15
WINDOW_BYTES_MIN = 256 << 10
REGION_SHIFT = 20
STATUS_SECONDS = 2

ROWS = Rows()
row = ROWS.row


def came_on_all(session):
    return " | ".join(came(peer) for peer in session.peers)


class Probe:
    """One row's sessions with the agent."""

    def __init__(self, listener):
        self.listener = listener
        self._note = self._not_compared = ""
        self._last = None

    @property
    def note(self):
        """What a row that passes tells, and what it did not look at."""
        return ", ".join(filter(None, (self._note, self._not_compared)))

    @note.setter
    def note(self, words):
        self._note = words

    def close(self):
        self.listener.drop()
        self.listener.restore_tls()

    def sent(self):
        return sent(self._last.peers) if self._last else ""

    def refused(self):
        """What an agent may not send ends the row where it comes."""
        return None

    # Waiting

    def until(self, done, seconds, session=None):
        """Steps until done() or the time is over; tells which. With a session, its end is a failure of the row."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                return False
            if session and session.ended:
                raise Mismatch("the session to go on", f"{session.ended}; {came_on_all(session)}")
            self.listener.step()
        return True

    def expect(self, session, done, what, seconds=ANSWER_SECONDS, rule=None):
        if not self.until(done, seconds, session):
            raise Mismatch(f"{what} within {seconds} s", came_on_all(session), rule)

    def wait(self, session, seconds):
        self.until(lambda: False, seconds, session)

    def wait_quiet(self, session):
        """Until no block has come for a moment: what the agent may send now has come."""
        begun = time.monotonic()
        quiet = lambda: time.monotonic() - max(begun, session.last_block_at) > QUIET_SECONDS
        self.until(quiet, SYNC_SECONDS, session)

    # Sessions

    def hello(self):
        """The next HELLO of the agent."""
        self.listener.start_agent()
        patience = self.listener.options.patience
        if not self._await(lambda: self.listener.hellos, patience):
            said = self.listener.agent_said()
            why = f"no HELLO within {patience} s; {self.listener.handshakes} TLS handshakes, failed ones: " \
                  f"{list(self.listener.handshake_failures) or 'none'}" + (f"; the agent said: {said}" if said else "")
            if not self.listener.generation:
                raise NobodyCame(why)
            raise Mismatch("the agent to connect", why, RULES["reconnect"])
        return self.listener.hellos.popleft()

    def _await(self, done, seconds):
        """As until; an agent that has ended is started again, with a pause so that it is not hammered."""
        end, next_start = time.monotonic() + seconds, time.monotonic() + 1
        while not done():
            now = time.monotonic()
            if now > end:
                return False
            if now > next_start:
                self.listener.start_agent()
                next_start = now + 1
            self.listener.step()
        return True

    def take(self, control):
        """The session of a control connection, before WELCOME."""
        self.listener.session = self._last = Session(self.listener, control)
        return self._last

    def greet(self, action="RESCAN", reason="VOLUME_REOPENED", features=(), streams=None, region_shift=REGION_SHIFT,
              **settings):
        """The next session, up to WELCOME. A rescan has a new data generation, so that all is sent."""
        control = self.hello()
        session = self.take(control)
        for name, value in settings.items():
            setattr(session, name, value)
        if action == "RESCAN":
            for disk in control.hello["disks"]:
                self.listener.disk(disk).begin_anew()
            self.listener.told_epoch = None
        session.send_welcome(action, reason, features, streams, region_shift)
        return session

    def begin(self, **how):
        """The next session, with all data connections attached."""
        session = self.greet(**how)
        self.expect(session, lambda: session.is_attached, f"{session.welcome['streams']} data connections", 12,
                    RULES["attach-time"])
        return session

    def sync(self, session, seconds=SYNC_SECONDS):
        """Until one more epoch is committed; then the disks must be what the images say."""
        before = session.commits_done
        self.expect(session, lambda: session.commits_done > before, "an epoch with all that is to be sent", seconds)
        self.compare()
        return session

    def compare(self):
        """What arrived with the images that were given."""
        unknown = sorted(set(self.listener.disks) - set(self.listener.options.image))
        self._not_compared = f"not compared: {', '.join(unknown)} without --image" if unknown else ""
        for name, path in self.listener.options.image.items():
            if name not in self.listener.disks:
                raise Mismatch(f"a disk {name} in HELLO", ", ".join(self.listener.disks))
            arrived, compared = self.listener.disks[name].content, 0
            with open(path, "rb") as image:
                while block := image.read(RAW_LEN_MAX):
                    if block != arrived[compared:compared + len(block)]:
                        pairs = enumerate(zip(block, arrived[compared:compared + len(block)]))
                        at = next((at for at, (is_so, came_so) in pairs if is_so != came_so), len(arrived) - compared)
                        raise Mismatch(f"{name} as in {path}", f"another byte at offset {compared + at}",
                                       RULES["bytes"])
                    compared += len(block)

    def synced(self, **how):
        """A session that has committed once, so that an agent begins its back-off anew."""
        return self.sync(self.begin(**how))

    def barrier(self, session):
        """Until the agent has handled all that was sent on the control connection."""
        pongs = session.pongs
        session.control.send(Type.PING)
        self.expect(session, lambda: session.pongs > pongs, "PONG", rule=RULES["ping"])

    def leave(self, session):
        """Asks the agent to finish, which it does with BYE."""
        if not session.ended:
            if session.goaway is None:
                session.send_goaway()
            self.until(lambda: session.ended, 12)
        if session.ended != "BYE":
            raise Mismatch("BYE after GOAWAY", f"{session.ended}; {came_on_all(session)}", Rule(
                "10", "waits until all that it sent is acknowledged or deadlineMillis are over, sends BYE"))

    def ends(self, session, seconds=ANSWER_SECONDS):
        """The agent closes every connection of the session."""
        if not self.until(lambda: all(p.ended or p.tls is None for p in session.peers), seconds):
            raise Mismatch("every connection of the session ended by the agent", came_on_all(session), RULES["error"])

    def comes_again(self, seconds, rule=RULES["reconnect"]):
        if not self._await(lambda: self.listener.hellos, seconds):
            raise Mismatch(f"a new HELLO within {seconds} s", "none", rule)

    def stays_away(self, seconds, rule):
        """No further HELLO; an agent that has ended has stopped."""
        came_again = lambda: self.listener.hellos or self.listener.has_agent_ended
        self.until(came_again, seconds)
        if self.listener.hellos:
            raise Mismatch(f"no HELLO for {seconds} s, or the end of the agent", "HELLO", rule)
        self.note = "the agent ended" if self.listener.has_agent_ended else f"no HELLO for {seconds} s"


# --- Good sessions ---------------------------------------------------------------------------------------------------

@row("initial-sync", "5.1", "the agent must treat every block of the disk as unacknowledged")
def initial_sync(probe):
    """Everything that every session must be: connections, HELLO, blocks, fences, a commit, BYE."""
    session = probe.begin(reason="NEW_VOLUME")
    probe.sync(session)
    probe.note = f"{len(session.disks)} disks, {session.block_frames} frames, {session.block_bytes} bytes, " \
                 f"{len(session.streams)} streams"
    probe.leave(session)


@row("fewer-streams-granted", "5.1", "the agent must open exactly these")
def fewer_streams_granted(probe):
    session = probe.synced(streams=1)
    probe.leave(session)


@row("small-regions", "3", "A DATA or ZERO frame lies inside one region and inside the volume")
def small_regions(probe):
    probe.leave(probe.synced(region_shift=16))


@row("large-regions", "7", "The stream of a frame is")
def large_regions(probe):
    session = probe.synced(region_shift=30)
    probe.leave(session)


@row("waits-for-attached", "6", "The agent sends nothing but ignorable frames until ATTACHED")
def waits_for_attached(probe):
    session = probe.greet(attaches=False)
    probe.expect(session, lambda: len(session.streams) == session.welcome["streams"], "ATTACH on every data connection",
                 12, RULES["attach-time"])
    probe.wait(session, 2)
    session.attaches = True
    for stream in session.streams.values():
        session.send_attached(stream)
    probe.leave(probe.sync(session))


@row("waits-for-the-epoch-to-open", "9", "The agent must not send DATA, ZERO or FENCE of the epoch before that answer")
def waits_for_epoch(probe):
    session = probe.begin(opens=False)
    probe.expect(session, lambda: session.epoch_state is Epoch.ASKED, "EPOCH_OPEN", EPOCH_SECONDS)
    probe.wait(session, 2)
    session.opens = True
    session.answer_open()
    probe.leave(probe.sync(session))


@row("waits-for-the-commit", "9", "Then the epoch is closed and the next may be opened")
def waits_for_commit(probe):
    session = probe.begin(commits=False)
    probe.expect(session, lambda: session.epoch_state is Epoch.COMMITTING, "EPOCH_COMMIT", SYNC_SECONDS)
    for _ in range(2):
        probe.wait(session, 2)
        session.send_progress("COMMIT")
    session.commits = True
    probe.leave(probe.sync(session))


@row("next-epoch", "9", "The agent should use committedEpoch + 1")
def next_epoch(probe):
    """Epochs follow each other by the agent's own schedule; unchanged disks need no blocks."""
    session = probe.synced()
    blocks = session.block_frames
    probe.sync(session, EPOCH_SECONDS)
    probe.note = f"epoch {session.epoch}, {session.block_frames - blocks} frames more"
    probe.leave(session)


@row("bytes-window", "8", "The count must never exceed limit_bytes")
def bytes_window(probe):
    """Nothing is acknowledged: the agent stops at its windows. Then they open frame by frame."""
    session = probe.begin(acknowledges=False, window_bytes=WINDOW_BYTES_MIN)
    probe.expect(session, lambda: session.block_frames, "blocks", EPOCH_SECONDS)
    probe.wait_quiet(session)
    if session.epoch_state is Epoch.COMMITTING:
        raise Skipped(f"the disk has no more than the windows of {WINDOW_BYTES_MIN} bytes hold")
    stopped = session.block_frames
    session.send_progress("VOLUME")
    probe.wait(session, 2)
    for _ in range(3):
        for stream in session.streams.values():
            if stream.unacked:
                stream.acknowledge(session.disks, 1)
        probe.wait_quiet(session)
    if session.block_frames == stopped:
        raise Mismatch("more blocks after DURABLE_ACK raised limit_bytes", came_on_all(session))
    session.acknowledges = True
    probe.leave(probe.sync(session))


@row("frames-window", "8", "At most unackedFramesMax DATA and ZERO frames")
def frames_window(probe):
    session = probe.begin(acknowledges=False, frames_max=2)
    probe.expect(session, lambda: session.block_frames, "blocks", EPOCH_SECONDS)
    probe.wait_quiet(session)
    if session.epoch_state is Epoch.COMMITTING:
        raise Skipped("the disk has no more than 2 frames for each stream")
    session.acknowledges = True
    probe.leave(probe.sync(session))


@row("receipt-is-no-acknowledgement", "8", "DURABLE_ACK is the only acknowledgement")
def receipt_is_no_acknowledgement(probe):
    """DURABLE_ACK without entries opens no window; durable_seq ahead of the frames of a volume is none of another."""
    session = probe.begin(acknowledges=False, window_bytes=WINDOW_BYTES_MIN)
    probe.expect(session, lambda: session.block_frames, "blocks", EPOCH_SECONDS)
    probe.wait_quiet(session)
    for _ in range(3):
        for stream in session.streams.values():
            stream.send_ack(stream.peer.received_seq, [])
        probe.wait_quiet(session)
    session.acknowledges = True
    probe.leave(probe.sync(session))


@row("grease", "12", "A receiver **must ignore**")
def grease(probe):
    """Ignorable frames, unknown members and reasons, reserved fields and longer headers, on all connections."""
    session = probe.greet(reason="X_A_REASON_TO_COME")
    session.control.send(0x80, b"grease")
    probe.expect(session, lambda: session.is_attached, "data connections", 12, RULES["attach-time"])
    reserved = {"reserved": (0xDEADBEEF, 0xCAFEF00D)}
    for peer in session.peers:
        peer.send(0x80, b"grease", **reserved)
        peer.send(0xFF, bytes(65536), b"\xa5" * 480)
        peer.send(0xC3)
    session.control.send_json(Type.PROGRESS, {"waitingFor": "VOLUME", "volumes": [], "grease": {"a": [1, None]}},
                              **reserved)
    session.control.send(Type.PING, b"", b"\xa5" * 40, **reserved)
    for stream in session.streams.values():
        stream.peer.send(Type.DURABLE_ACK, struct.pack("<QH6s", stream.peer.received_seq, 0, b"\xa5" * 6), b"\xa5" * 8)
    probe.expect(session, lambda: session.pongs, "PONG", rule=RULES["ping"])
    probe.sync(session)
    session.send_goaway("X_A_REASON_TO_COME")
    probe.leave(session)


@row("welcome-with-unknown-members", "5.1", "A member that the receiver does not know is ignored")
def welcome_with_unknown_members(probe):
    probe.leave(probe.synced(welcome_grease={"grease": {"a": [1, {"b": None}]}}))


# --- Life ------------------------------------------------------------------------------------------------------------

@row("ping-answered", "10", "Either side sends PING on the control connection after 10 s")
def ping_answered(probe):
    session = probe.begin()
    for _ in range(3):
        probe.barrier(session)
    probe.leave(probe.sync(session))


@row("pings-when-idle", "10", "The agent sends PING on a data connection on which it has sent nothing for 10 s")
def pings_when_idle(probe):
    """No epoch is answered and no PING sent for 14 s, and so the agent sends its own on every connection."""
    session = probe.begin(opens=False, pings=False)
    probe.until(lambda: session.pings_on_control and session.pings_on_data >= len(session.streams), 14, session)
    if not session.pings_on_control:
        raise Mismatch("PING on control after 10 s without a frame", came_on_all(session), RULES["ping"])
    silent = [s.peer for s in session.streams.values() if time.monotonic() - s.peer.last_received > 13]
    if silent:
        raise Mismatch("something on every data connection within 13 s", " | ".join(map(came, silent)))
    session.opens = session.pings = True
    if session.epoch_state is Epoch.ASKED:
        session.answer_open()
    probe.leave(probe.sync(session))


@row("slow-is-not-dead", "10", "an agent must not reconnect while PROGRESS comes")
def slow_is_not_dead(probe):
    """WELCOME takes 35 s, with PROGRESS every 5 s."""
    control = probe.hello()
    for _ in range(7):
        control.send_json(Type.PROGRESS, {"waitingFor": "FENCING", "volumes": []})
        probe.until(lambda: control.ended, 5)
        if control.ended or control.tls is None:
            raise Mismatch("the agent to wait for WELCOME while PROGRESS comes", came(control))
    probe.listener.hellos.appendleft(control)
    probe.leave(probe.synced())


@row("silent-server", "10", "A side that has received nothing on the control connection for 30 s ends the session")
def silent_server(probe):
    session = probe.synced()
    session.opens = session.pings = session.pongs_back = False
    session.expects_error = True
    started = time.monotonic()
    if not probe.until(lambda: session.ended, 40):
        raise Mismatch("the end of the session after 30 s of silence", came_on_all(session))
    if time.monotonic() - started < 25:
        raise Mismatch("the agent to wait 30 s", f"{session.ended} after {time.monotonic() - started:.0f} s")


@row("silent-data-connection", "10", "An agent also ends it when it has heard nothing on a data connection for 30 s")
def silent_data_connection(probe):
    session = probe.synced()
    session.acks_idle = session.acknowledges = False
    session.expects_error = True
    if not probe.until(lambda: session.ended, 45):
        raise Mismatch("the end of the session after 30 s without DURABLE_ACK", came_on_all(session))


@row("goaway", "10", "The agent sends no new DATA or ZERO")
def goaway(probe):
    """GOAWAY comes while the windows are full; then they open, and nothing more may come but what ends the session."""
    session = probe.begin(acknowledges=False, window_bytes=WINDOW_BYTES_MIN)
    probe.expect(session, lambda: session.block_frames, "blocks", EPOCH_SECONDS)
    probe.wait_quiet(session)
    session.send_goaway(deadline_millis=8000, reconnect_millis=3000)
    probe.barrier(session)
    session.no_blocks_because = RULES["goaway"]
    if session.unacked_frames:
        probe.wait(session, 1)
        if session.bye:
            raise Mismatch("no BYE before all is acknowledged", came_on_all(session))
    session.acknowledges = True
    probe.leave(session)
    left = time.monotonic()
    probe.comes_again(63)
    if time.monotonic() - left < 2.5:
        raise Mismatch("no HELLO before reconnectAfterMillis 3000", f"one after {time.monotonic() - left:.1f} s", Rule(
            "10", "and reconnects after reconnectAfterMillis"))


@row("goaway-deadline", "10", "waits until all that it sent is acknowledged or deadlineMillis are over")
def goaway_deadline(probe):
    session = probe.begin(acknowledges=False, window_bytes=WINDOW_BYTES_MIN)
    probe.expect(session, lambda: session.block_frames, "blocks", EPOCH_SECONDS)
    probe.wait_quiet(session)
    session.send_goaway(deadline_millis=2000)
    probe.leave(session)


@row("error-ends-the-session", "11", "Fatal ends the connection and with it the session")
def error_ends_the_session(probe):
    """STALE_GENERATION, as a newer session brings it, and a code that is not known, which is fatal too."""
    for name, code in (("STALE_GENERATION", CODES["STALE_GENERATION"]), ("X_A_CODE_TO_COME", 99)):
        session = probe.synced()
        for peer in session.peers:
            peer.send_json(Type.ERROR, {"code": code, "name": name})
        probe.ends(session)
        probe.comes_again(63)


@row("one-end-ends-all", "6", "There is no re-attach; the agent begins again with HELLO")
def one_end_ends_all(probe):
    session = probe.synced()
    stream = session.streams[0].peer
    session.send_error("STATE", stream)
    stream.write()
    stream.close()
    for peer in session.peers:
        if peer is not stream:
            session.send_error("STATE", peer)
    session.expects_error = True
    probe.ends(session)
    probe.comes_again(63)


@row("refused-epoch", "9", "The agent begins a new session, without delay")
def refused_epoch(probe):
    """EPOCH for a block that was dropped: no epoch can be committed in this session any more."""
    session = probe.synced()
    probe.expect(session, lambda: session.epoch_state is Epoch.OPEN, "EPOCH_OPEN", EPOCH_SECONDS)
    session.commits = False
    probe.until(lambda: session.epoch_state is Epoch.COMMITTING, ANSWER_SECONDS, session)
    session.send_error("EPOCH", session.streams[0].peer, seq=str(session.streams[0].peer.received_seq))
    session.send_error("EPOCH", seq=str(session.control.received_seq))
    session.expects_error = True
    if not probe.until(lambda: session.ended or probe.listener.hellos, ANSWER_SECONDS):
        raise Mismatch("a new session", came_on_all(session))
    probe.comes_again(AT_ONCE_SECONDS, ROWS["refused-epoch"].rule)


@row("backs-off", "10", "exponential back-off from 1 s to 60 s with full jitter")
def backs_off(probe):
    """Ten seconds in which each HELLO is refused with SHUTDOWN."""
    probe.leave(probe.synced())
    before, refused = len(probe.listener.connects), 0
    end = time.monotonic() + HAMMERING_SECONDS
    while time.monotonic() < end:
        probe.until(lambda: probe.listener.hellos, end - time.monotonic())
        if probe.listener.hellos:
            control = probe.listener.hellos.popleft()
            control.send_json(Type.ERROR, {"code": CODES["SHUTDOWN"], "name": "SHUTDOWN"})
            control.write()
            control.close()
            refused += 1
    attempts = len(probe.listener.connects) - before
    if attempts > HAMMERING_MAX:
        raise Mismatch(f"at most {HAMMERING_MAX} attempts in {HAMMERING_SECONDS} s", attempts)
    probe.note = f"{attempts} attempts in {HAMMERING_SECONDS} s"
    probe.leave(probe.synced())


# --- Cuts ------------------------------------------------------------------------------------------------------------

def remembering(probe):
    """The HELLO that waits; it must remember something, or there is nothing to resume."""
    control = probe.hello()
    probe.listener.hellos.appendleft(control)
    return control.hello.get("remembers")


@row("remembers-the-commit", "6", "For each volume dataGen and the newest epoch that it knows to be committed")
def remembers_the_commit(probe):
    session = probe.synced()
    probe.barrier(session)
    probe.listener.told_epoch = session.epoch if session.epoch_state is Epoch.CLOSED else session.epoch - 1
    probe.leave(session)
    remembers = remembering(probe)
    if not remembers:
        raise Skipped("the agent remembers nothing from one session to the next")
    known = {disk["deviceName"] for disk in remembers["disks"]}
    if known != set(probe.listener.disks):
        raise Mismatch(f"all of {sorted(probe.listener.disks)} remembered", remembers)


@row("resume-after-a-cut", "8", "What is not acknowledged when a session ends is sent again in the next")
def resume_after_a_cut(probe):
    """Some blocks are acknowledged, and the agent shows that it knows; then all is cut off. RESUME: it sends what is not
    acknowledged, all of it and nothing else."""
    session = probe.begin(acknowledges=False, window_bytes=WINDOW_BYTES_MIN)
    probe.expect(session, lambda: session.block_frames, "blocks", EPOCH_SECONDS)
    probe.wait_quiet(session)
    if session.epoch_state is Epoch.COMMITTING:
        raise Skipped(f"the disk has no more than the windows of {WINDOW_BYTES_MIN} bytes hold")
    for _ in range(2):
        for stream in session.streams.values():
            stream.acknowledge(session.disks, len(stream.unacked))
        probe.wait_quiet(session)
    # A frame that went over the former limit shows that its DURABLE_ACK arrived; one more round makes it sure of all.
    acknowledged = sum(disk.unacknowledged.count(0) for disk in session.disks) * SECTOR
    lost = session.unacked_frames
    session.cut()
    if not remembering(probe):
        raise Skipped("the agent remembers nothing from one session to the next")
    again = probe.begin(action="RESUME", reason="NONE")
    probe.sync(again)
    if again.sent_again_bytes > min(acknowledged // 2, RAW_LEN_MAX):  # an agent may know of larger blocks only
        raise Mismatch(f"none of the {acknowledged} bytes that were acknowledged sent again",
                       f"{again.sent_again_bytes} bytes of them", Rule("5.1", "is all that it needs to send"))
    probe.note = f"{lost} frames were lost, {again.block_bytes} bytes sent then, {acknowledged} had been acknowledged"
    probe.leave(again)


@row("lost-commit-answer", "9", "If the answer to EPOCH_COMMIT is lost, committedEpoch of the next WELCOME tells")
def lost_commit_answer(probe):
    """The commit is stored, its answer cut off. The next epoch has the next number, and no block must come again."""
    session = probe.begin(commits=False)
    probe.expect(session, lambda: session.epoch_state is Epoch.COMMITTING and not session.unacked_frames, "EPOCH_COMMIT",
                 SYNC_SECONDS)
    probe.wait_quiet(session)
    session.store_commit()
    session.cut()
    if not remembering(probe):
        raise Skipped("the agent remembers nothing from one session to the next")
    again = probe.begin(action="RESUME", reason="NONE")
    probe.sync(again, EPOCH_SECONDS)
    probe.note = f"epoch {again.epoch} after {session.epoch}"
    probe.leave(again)


@row("lost-commit", "9", "A session that ends takes its open epoch with it")
def lost_commit(probe):
    """EPOCH_COMMIT is cut off before it is stored. The next session commits what was acknowledged, with its blocks."""
    session = probe.begin(commits=False)
    probe.expect(session, lambda: session.epoch_state is Epoch.COMMITTING and not session.unacked_frames, "EPOCH_COMMIT",
                 SYNC_SECONDS)
    session.cut()
    if not remembering(probe):
        raise Skipped("the agent remembers nothing from one session to the next")
    again = probe.begin(action="RESUME", reason="NONE")
    probe.sync(again)
    probe.leave(again)


@row("another-data-generation", "5.1", "the agent must treat every block of the disk as unacknowledged")
def another_data_generation(probe):
    """Each reason of RESCAN, known or not: all of the disk comes again."""
    for reason in ("STATE_LOST", "DATA_GENERATION_DIFFERS", "AGENT_BEHIND", "EPOCH_BEHIND", "X_A_REASON_TO_COME"):
        probe.leave(probe.synced(reason=reason))


# --- Volumes ---------------------------------------------------------------------------------------------------------

@row("volume-failed-in-welcome", "5.1", "the agent sends nothing for it and may also leave the disk out")
def volume_failed_in_welcome(probe):
    """No block of it may come. With one disk there is nothing else to send; the agent may also come again without it."""
    session = probe.greet(reason="NEW_VOLUME", failed={0}, commits=False)
    probe.until(lambda: session.ended, 5)
    probe.note = f"{len(session.disks)} disks, {session.block_frames} frames of others, " + \
        (session.ended or "the session stays")


@row("volume-failed", "11", "this volume takes no more writes; others go on")
def volume_failed(probe):
    """VOLUME_FAILED is not fatal: the agent leaves with BYE or goes on, and comes again."""
    session = probe.begin(acknowledges=False, window_bytes=WINDOW_BYTES_MIN)
    probe.expect(session, lambda: session.block_frames, "blocks", EPOCH_SECONDS)
    session.commits = False
    session.send_error("VOLUME_FAILED", volume=0)
    probe.until(lambda: session.ended, 4)
    if session.ended not in (None, "BYE"):
        raise Mismatch("the session to go on, or BYE", f"{session.ended}; {came_on_all(session)}")
    probe.note = session.ended or "the session stays"


# --- Features --------------------------------------------------------------------------------------------------------

def wanting(probe, feature, **how):
    session = probe.begin(features=[feature], **how)
    if feature not in session.features:
        probe.leave(session)
        raise Skipped(f"the agent does not ask for {feature}")
    return session


@row("source-status", "10", "An agent to which `source-status` is granted sends it as soon as")
def source_status(probe):
    session = wanting(probe, SOURCE_STATUS, acknowledges=False)
    probe.until(lambda: len(session.statuses) >= 4, 4 * STATUS_SECONDS + 3, session)
    times = [session.attached_at, *(at for at, _ in session.statuses)]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    if len(gaps) < 4 or gaps[0] > 1.5 or any(not 0.9 <= gap <= 3.5 for gap in gaps[1:4]):
        raise Mismatch("SOURCE_STATUS at once, then every 2 s", [f"{gap:.1f} s" for gap in gaps])
    session.acknowledges = True
    probe.sync(session)
    probe.leave(session)
    body = session.statuses[-1][1]
    control = [entry for entry in session.control.log if not entry.startswith(("PING", "PONG"))]
    if not control[-2].startswith("SOURCE_STATUS"):
        raise Mismatch("SOURCE_STATUS directly before BYE", control[-2], Rule("10", "and once more directly before BYE"))
    probe.note = f"{len(session.statuses)} of them, the last: {body['volumes']}"


@row("commit-request", "9", "takes a mark and opens the next epoch without waiting for its own schedule")
def commit_request(probe):
    session = wanting(probe, COMMIT_REQUEST)
    probe.sync(session)
    session.control.send_json(Type.COMMIT_REQUEST, {"reason": "HOLD"})
    before = session.commits_done
    probe.expect(session, lambda: session.commits_done > before, "an epoch after COMMIT_REQUEST", ANSWER_SECONDS)
    session.control.send_json(Type.COMMIT_REQUEST, {"reason": "X_A_REASON_TO_COME"})
    probe.expect(session, lambda: session.commits_done > before + 1, "an epoch after COMMIT_REQUEST", ANSWER_SECONDS)
    probe.leave(session)


@row("waits-through-a-hold", "9", "An agent whose source stands still while EPOCH_OPEN is not answered")
def waits_through_a_hold(probe):
    """EPOCH_OPEN is answered after 8 s, with PROGRESS (HOLD). The agent goes on then, or begins a new session."""
    session = probe.begin(opens=False)
    probe.expect(session, lambda: session.epoch_state is Epoch.ASKED, "EPOCH_OPEN", EPOCH_SECONDS)
    for _ in range(3):
        probe.wait(session, 2.5)
        session.send_progress("HOLD")
    session.opens = True
    session.answer_open()
    probe.until(lambda: session.commits_done or session.ended, SYNC_SECONDS)
    if session.ended not in (None, "BYE"):
        raise Mismatch("the epoch, or BYE", f"{session.ended}; {came_on_all(session)}")
    probe.note = "the session went on" if session.commits_done else "a new session began"


def compares(probe, spoiled):
    """A rescan of a replica that is what the agent sent, but for some blocks; returns the session."""
    first = probe.synced()
    probe.leave(first)
    contents = {name: bytes(disk.content) for name, disk in probe.listener.disks.items()}
    for disk in probe.listener.disks.values():
        for at in spoiled(disk.size_bytes):
            disk.content[at] ^= 0xFF
    session = wanting(probe, HASH_OFFER)
    probe.sync(session)
    for name, content in contents.items():
        if probe.listener.disks[name].content != content:
            raise Mismatch(f"{name} as before", "blocks that were spoiled are not mended", RULES["rescan"])
    return session


@row("hash-offer-finds-what-differs", "17", "After RESCAN an agent should compare")
def hash_offer(probe):
    """Four sectors of the replica are spoiled. The agent offers hashes and sends what HASH_DIFF says."""
    session = compares(probe, lambda size: {0, size // 3, size // 2, size - 1})
    if not session.offers_come:
        raise Mismatch("HASH_OFFER in the rescan", came(session.control))
    probe.note = f"{session.offers_come} offers, {session.blocks_offered} blocks, {session.blocks_equal} equal, " \
                 f"{session.block_bytes} bytes sent"
    probe.leave(session)


@row("hash-offer-of-what-is-equal", "17", "It may take a block for acknowledged when it was found equal")
def hash_offer_equal(probe):
    session = compares(probe, lambda size: ())
    if session.offers_come and session.block_bytes > RAW_LEN_MAX:
        raise Mismatch("no blocks that were found equal", f"{session.block_bytes} bytes")
    probe.note = f"{session.offers_come} offers, {session.block_bytes} bytes sent"
    probe.leave(session)


@row("hash-offer-waits-for-its-answer", "17", "One offer of a volume may have no answer at a time")
def hash_offer_waits(probe):
    first = probe.synced()
    probe.leave(first)
    session = wanting(probe, HASH_OFFER, answers_offers=False)
    probe.until(lambda: session.offers, EPOCH_SECONDS, session)
    if not session.offers:
        raise Skipped("the agent offers no hashes")
    probe.wait(session, 2)
    session.send_progress("VOLUME")
    probe.wait(session, 2)
    session.answers_offers = True
    probe.sync(session)
    probe.leave(session)


# --- A server that breaks the protocol -------------------------------------------------------------------------------

def bad_input(name, code, section, words, send, on_data=False):
    """A row in which the server sends what an agent must refuse, after a commit, so that back-off begins anew."""

    def play(probe):
        session = probe.synced()
        peer = session.streams[0].peer if on_data else session.control
        session.opens = session.acknowledges = session.acks_idle = False
        session.expects_error = True
        send(session, peer)
        probe.until(lambda: session.errors or all(p.ended for p in session.peers), ANSWER_SECONDS)
        wanted = f"ERROR {code} on {peer.name}"
        if not session.errors:
            raise Mismatch(wanted, came_on_all(session))
        where, body = session.errors[0]
        if where != peer.name or NAMES.get(body["code"]) != code:
            raise Mismatch(wanted, f"ERROR {NAMES.get(body['code'], body['code'])} on {where}: {body.get('text', '')}")
        probe.ends(session)
        probe.comes_again(63)

    row(name, section, words)(play)


def raw(make):
    """Sends the bytes that are made from the next seq."""
    def send(_session, peer):
        peer.send_raw(make(peer.next_seq))
    return send


def body(frame_type, text):
    def send(_session, peer):
        peer.send(frame_type, text)
    return send


def ack(make):
    """Sends DURABLE_ACK with what is made from the stream: received_seq and entries."""
    def send(session, peer):
        stream = session.streams[0]
        stream.send_ack(*make(stream))
    return send


bad_input("bad-magic", "PROTOCOL", "11", "bad magic, bad header CRC",
          raw(lambda n: encode(Type.PING, n, magic=0x32505242)))
bad_input("bad-header-crc", "PROTOCOL", "3", "CRC32C over the header_len bytes",
          raw(lambda n: encode(Type.PING, n, crc_xor=1)))
bad_input("flags-set", "PROTOCOL", "3", "must be 0; otherwise PROTOCOL", raw(lambda n: encode(Type.PING, n, flags=1)))
bad_input("header-len-out-of-range", "PROTOCOL", "3", "length of the whole header",
          raw(lambda n: encode(Type.PING, n, header_len=24)))
bad_input("seq-gap", "SEQUENCE", "11", "seq gap or repeat", raw(lambda n: encode(Type.PING, n + 1)))
bad_input("seq-repeat-on-data", "SEQUENCE", "11", "seq gap or repeat",
          raw(lambda n: encode(Type.DURABLE_ACK, n - 1, struct.pack("<QH6x", 1, 0))), on_data=True)
bad_input("unknown-type-below-80", "UNSUPPORTED", "11", "unknown type below 80", raw(lambda n: encode(0x50, n)))
bad_input("type-of-feature-not-granted", "UNSUPPORTED", "4", "A type that belongs to a feature is an unknown type",
          body(Type.COMMIT_REQUEST, b'{"reason":"HOLD"}'))
bad_input("frame-of-an-agent", "STATE", "11", "a frame not allowed in this state or on this connection",
          body(Type.HELLO, b"{}"))
bad_input("second-welcome", "STATE", "11", "a frame not allowed in this state or on this connection",
          lambda session, peer: peer.send_json(Type.WELCOME, session.welcome))
bad_input("acknowledgement-on-control", "STATE", "4", "| 64 | DURABLE_ACK | data |",
          body(Type.DURABLE_ACK, struct.pack("<QH6x", 1, 0)))
bad_input("ping-on-data", "STATE", "4", "| 30 | PING | control, data |", body(Type.PING, b""), on_data=True)
bad_input("ping-with-payload", "LIMIT", "3", "A fixed payload of another length", body(Type.PING, b"x"))
bad_input("ignorable-too-large", "LIMIT", "4", "its payload (at most 64 KiB) is skipped",
          raw(lambda n: encode(0x80, n, payload_len=65537)))
bad_input("json-garbage", "PROTOCOL", "5.1", "text that is not JSON is PROTOCOL", body(Type.PROGRESS, b"{waitingFor:1}"))
bad_input("json-missing-member", "PROTOCOL", "5.1", "a required member that is missing",
          body(Type.PROGRESS, b'{"volumes":[]}'))
bad_input("json-duplicate-member", "PROTOCOL", "5.1", "A member given twice",
          body(Type.PROGRESS, b'{"waitingFor":"COMMIT","waitingFor":"COMMIT","volumes":[]}'))
bad_input("json-too-deep", "LIMIT", "5.1", "nested at most 8 deep",
          body(Type.PROGRESS, b'{"waitingFor":"COMMIT","volumes":[],"grease":' + b"[" * 12 + b"]" * 12 + b"}"))
bad_input("json-too-large", "LIMIT", "5.1", "at most 65536 bytes",
          body(Type.PROGRESS, json_bytes({"waitingFor": "COMMIT", "volumes": []}).ljust(65537)))
bad_input("unknown-waiting-for", "PROTOCOL", "5.1", "action and waitingFor are closed sets",
          body(Type.PROGRESS, b'{"waitingFor":"LUNCH","volumes":[]}'))
bad_input("acknowledgement-goes-back", "PROTOCOL", "5.2", "durable_seq and limit_bytes of a volume on a connection",
          ack(lambda s: (s.peer.received_seq, [(0, 0, s.window_bytes - 512)])), on_data=True)
bad_input("acknowledgement-does-not-ascend", "PROTOCOL", "5.2", "Entries ascend by volume",
          ack(lambda s: (s.peer.received_seq, [(0, s.durable_seq.get(0, 0), s.limit.get(0, s.window_bytes))] * 2)),
          on_data=True)
bad_input("acknowledgement-does-not-fit", "PROTOCOL", "5.2", "A payload whose length does not fit its entries",
          body(Type.DURABLE_ACK, struct.pack("<QH6x", 1, 1)), on_data=True)


@row("welcome-with-missing-member", "5.1", "a required member that is missing")
def welcome_with_missing_member(probe):
    probe.leave(probe.synced())
    control = probe.hello()
    control.accepts = {Type.ERROR, Type.PING, Type.PONG}
    control.send_json(Type.WELCOME, {"version": 1})
    session = probe.take(control)
    session.expects_error = True
    probe.until(lambda: session.errors or control.ended, ANSWER_SECONDS)
    if [NAMES.get(b["code"]) for _, b in session.errors] != ["PROTOCOL"]:
        raise Mismatch("ERROR PROTOCOL on control", came(control))
    probe.comes_again(63)


# --- After which an agent may stop -----------------------------------------------------------------------------------

@row("no-alpn", "2", "ALPN is mandatory")
def no_alpn(probe):
    """A server that chooses no ALPN protocol is none of BRP/1: not a byte may come."""
    probe.leave(probe.synced())
    listener = probe.listener
    listener.context, listener.has_alpn = listener.new_context(*listener.options.identity, alpn=None), False
    refuses_the_server(probe)


@row("unknown-server-pin", "2", "each side knows the other's **pin** beforehand")
def unknown_server_pin(probe):
    if not probe.listener.options.other_identity:
        raise Skipped("needs --other-identity")
    probe.leave(probe.synced())
    probe.listener.context = probe.listener.new_context(*probe.listener.options.other_identity)
    refuses_the_server(probe)


def refuses_the_server(probe):
    """The agent connects and sends nothing. Its next connection may be a minute away, or it ends."""
    listener = probe.listener
    tried = lambda: len(listener.connects) > before or listener.has_agent_ended
    before = len(listener.connects)
    listener.start_agent()
    if not probe.until(tried, listener.options.patience):
        raise Mismatch("a connection", "none")
    probe.until(lambda: listener.hellos, 3)
    if listener.hellos:
        raise Mismatch("no application byte", "HELLO")


@row("version-refused", "10", "After VERSION, UNSUPPORTED and FORBIDDEN nothing changes by itself")
def version_refused(probe):
    refused_for_good(probe, "VERSION")


@row("forbidden", "10", "After VERSION, UNSUPPORTED and FORBIDDEN nothing changes by itself")
def forbidden(probe):
    refused_for_good(probe, "FORBIDDEN")


def refused_for_good(probe, code):
    control = probe.hello()
    control.send_json(Type.ERROR, {"code": CODES[code], "name": code, "text": "a test of conformance"})
    control.write()
    control.close()
    probe.stays_away(STOPPED_SECONDS, ROWS["forbidden"].rule)
