"""An agent for tests of the conformance runner: replicates one disk in memory, epoch after epoch, on one thread.

It remembers which blocks are not acknowledged, so that it resumes. FAULTS are ways in which it can be wrong.
"""

import time

import main_path  # noqa: F401  before what it makes known
import brp_client
from brp_client import Disk, GoingAway, Refused, Session, SessionEnded, Type, ZERO_COST, hello_body

BLOCK_BYTES = 64 << 10
PAUSE_SECONDS = 0.2      # from a commit to the next epoch
FAULTS = {"wrong-stream", "wrong-crc", "over-window", "before-epoch-status", "no-pong", "deaf-to-goaway",
          "refuses-ignorable", "forgets-unacknowledged", "sends-all-again", "wrong-fence", "takes-bad-acks", "hammers",
          "skips-a-region", "upper-case-instance", "takes-ungranted", "forgets-the-commit"}


class StubAgent:
    def __init__(self, endpoint, source_server_id, device_name, content, streams=2, fault=None):
        assert fault is None or fault in FAULTS, fault
        self.endpoint, self.source_server_id, self.content = endpoint, source_server_id, content
        self.disk, self.streams, self.fault = Disk(device_name, len(content)), streams, fault
        self.instance = brp_client.INSTANCE.upper() if fault == "upper-case-instance" else brp_client.INSTANCE
        self.dirty = {}             # offset -> (stream, seq) of the newest sending, or None
        self.remembers = None
        self.stopping = False

    def run(self):
        wait = 0.2
        while not self.stopping:
            delay = wait = min(2, 2 * wait)
            session = None
            try:
                session = StubAgentSession(self)
                session.converse()
            except GoingAway as e:
                delay = e.body["reconnectAfterMillis"] / 1000
                if not any(connection.ended for connection in session.connections):
                    session.bye("goaway")  # it came before the session was attached
            except (SessionEnded, OSError, Refused):
                pass
            finally:
                if session:
                    wait = 0.2 if session.committed else wait
                    session.close()
            end = time.monotonic() + (0 if self.fault == "hammers" else delay)
            while time.monotonic() < end and not self.stopping:
                time.sleep(0.02)


class Intolerant(brp_client.Connection):
    """Refuses what it should skip."""

    def _take_frames(self):
        if len(self._incoming) > 4 and self._incoming[4] >= 0x80:
            raise Refused("UNSUPPORTED", "an unknown type")
        super()._take_frames()


class StubAgentSession(Session):
    def __init__(self, agent):
        self.agent, self.fault = agent, agent.fault
        self.committed = False
        super().__init__(agent.endpoint)

    # Faults

    def _handle(self, connection, frame):
        if self.fault == "no-pong" and frame.type == Type.PING:
            return
        if self.fault == "takes-bad-acks" and frame.type == Type.DURABLE_ACK:
            try:
                super()._handle(connection, frame)
            except Refused:
                pass
            return
        super()._handle(connection, frame)

    def check(self):
        if self.fault == "deaf-to-goaway":
            self.goaway = None
        super().check()

    def step(self, timeout=0.02):
        if self.fault == "refuses-ignorable":
            for connection in self.connections:
                connection.__class__ = Intolerant
        if self.fault == "takes-ungranted" and self.welcome:
            self.control.accepts = self.control.accepts | {Type.COMMIT_REQUEST}
        super().step(timeout)

    def add_connection(self):
        if self.agent.stopping:
            raise SessionEnded("stopping")
        return super().add_connection()

    def stream_of(self, volume, offset):
        stream = super().stream_of(volume, offset)
        return (stream + 1) % len(self.streams) if self.fault == "wrong-stream" else stream

    def can_send(self, volume, offset, cost):
        return self.fault == "over-window" or super().can_send(volume, offset, cost)

    # The conversation

    def converse(self):
        agent = self.agent
        body = hello_body(agent.source_server_id, [agent.disk], agent.streams, agent.instance)
        if agent.remembers:
            body["remembers"] = agent.remembers
        self.hello(body)
        volume = self.volumes[agent.disk.device_name]
        if volume["action"] == "FAILED":
            self._idle()
        if volume["action"] == "RESCAN" or self.fault == "sends-all-again":
            agent.dirty = {offset: None for offset in range(0, len(agent.content), BLOCK_BYTES)}
        agent.dirty = dict.fromkeys(agent.dirty)
        if self.fault == "skips-a-region":
            agent.dirty = {offset: sent for offset, sent in agent.dirty.items() if offset >> 20 != 1}
        self._remember(volume, int(volume["committedEpoch"]))
        self.attach()
        epoch = self.next_epoch()
        while True:
            self._send_epoch(volume["index"], epoch)
            self.committed = True
            self._remember(volume, 0 if self.fault == "forgets-the-commit" else epoch)
            epoch += 1
            end = time.monotonic() + PAUSE_SECONDS
            while time.monotonic() < end:
                self._step()

    def _remember(self, volume, epoch):
        self.agent.remembers = {"generation": self.welcome["generation"], "disks": [
            {"deviceName": self.agent.disk.device_name, "dataGen": volume["dataGen"], "committedEpoch": str(epoch)}]}

    def _idle(self):
        while True:
            self._step()

    def _step(self):
        if self.agent.stopping:
            raise SessionEnded("stopping")
        self.step()
        self._forget_acknowledged()
        if any(brp_client.NAMES.get(body["code"]) == "VOLUME_FAILED" for body in self.control.errors):
            self.drain(0.2)
            self.bye("volume failed")
            raise SessionEnded("a volume failed")
        try:
            self.check()
        except GoingAway as e:
            end = time.monotonic() + e.body["deadlineMillis"] / 1000
            while time.monotonic() < end and any(s.flow.unacked_frames for s in self.streams if s.flow):
                self.step()
                if any(c.ended for c in self.connections):
                    break
            self._forget_acknowledged()
            self.bye("goaway")
            raise

    def _forget_acknowledged(self):
        dirty = self.agent.dirty
        for offset in [o for o, sent in dirty.items() if sent]:
            stream, volume, seq = dirty[offset]
            if self.streams[stream].flow.durable_seq.get(volume, 0) >= seq:
                del dirty[offset]

    def _until(self, done):
        while not done():
            self._step()

    def _send_epoch(self, volume, epoch):
        self.begin_epoch(epoch)
        if self.fault != "before-epoch-status":
            self._until(lambda: self.has_status(epoch, False))
        for offset in [o for o, sent in self.agent.dirty.items() if not sent]:
            raw = self.agent.content[offset:offset + BLOCK_BYTES]
            cost = len(raw) if any(raw) else ZERO_COST
            self._until(lambda: self.can_send(volume, offset, cost))
            if any(raw):
                self.send_block(volume, offset, raw)
            else:
                self.send_zero(volume, offset, len(raw))
            stream = self.stream_of(volume, offset)
            self.agent.dirty[offset] = stream, volume, self.streams[stream].connection.next_seq - 1
            if self.fault == "forgets-unacknowledged":
                del self.agent.dirty[offset]
        self.fence()
        wrong = 1 if self.fault == "wrong-fence" else 0
        self.begin_commit([stream.fence_seq - wrong for stream in self.streams])
        self._until(lambda: self.has_status(epoch, True))

    def _send_block(self, frame_type, fields, payload, cost):
        if self.fault == "wrong-crc" and frame_type == Type.DATA:
            fields = brp_client.DataFields(fields.volume, fields.codec, fields.dflags, fields.raw_len, fields.offset,
                                           fields.epoch, fields.length ^ 1)
        super()._send_block(frame_type, fields, payload, cost)
