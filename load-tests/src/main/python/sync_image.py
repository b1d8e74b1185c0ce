#!/usr/bin/env python3
"""Replicates disk images to a BRP/1 server as one epoch, over several streams.

Exits 0 once the server has said that the epoch is committed; 1 on any error, 3 if the server said GOAWAY.
The images must not change meanwhile: the mark is the state that they have throughout.
"""

import argparse
import os
import sys
import time
from collections import deque

import brp_client
from brp_client import Disk, Endpoint, GoingAway, Session, SessionEnded, ZERO_COST

BLOCK_BYTES = 256 << 10
STATUS_SECONDS = 2


def add_server_options(parser):
    parser.add_argument("--server", required=True, metavar="HOST:PORT")
    parser.add_argument("--certificate", required=True, metavar="PEM", help="the agent's certificate")
    parser.add_argument("--key", required=True, metavar="PEM", help="the agent's private key")
    parser.add_argument("--server-pin", required=True, action="append", metavar="sha256:HEX",
                        help="SHA-256 of the server's SubjectPublicKeyInfo; repeat for a set of pins")
    parser.add_argument("--source-server-id", required=True, metavar="ID")


def endpoint_of(options):
    host, _, port = options.server.rpartition(":")
    return Endpoint(host.strip("[]"), int(port), options.certificate, options.key, frozenset(options.server_pin))


class Image:
    """One disk image and its size."""

    def __init__(self, argument):
        self.device_name, _, path = argument.partition("=")
        self.file = open(path, "rb")
        self.size_bytes = os.fstat(self.file.fileno()).st_size or self.file.seek(0, os.SEEK_END)
        if self.size_bytes % brp_client.SECTOR:
            raise SystemExit(f"{path}: {self.size_bytes} bytes are not a multiple of {brp_client.SECTOR}")

    def close(self):
        self.file.close()

    def read(self, offset, length):
        self.file.seek(offset)
        return self.file.read(length)


def pieces(image, stream, volume, session):
    """The work of one stream on one image: (offset, length, bytes), bytes None where the image is zero.

    Neighbouring zero blocks of a region become one piece.
    """
    region_bytes = session.region_bytes
    block_bytes = min(BLOCK_BYTES, region_bytes, session.streams[stream].raw_len_max)
    for region in range(0, image.size_bytes, region_bytes):
        if session.stream_of(volume, region) != stream:
            continue
        region_end = min(region + region_bytes, image.size_bytes)
        zeros_from = None
        for offset in range(region, region_end, block_bytes):
            raw = image.read(offset, min(block_bytes, region_end - offset))
            if raw.count(0) == len(raw):
                zeros_from = offset if zeros_from is None else zeros_from
                continue
            if zeros_from is not None:
                yield zeros_from, offset - zeros_from, None
                zeros_from = None
            yield offset, len(raw), raw
        if zeros_from is not None:
            yield zeros_from, region_end - zeros_from, None


class Sender:
    """Feeds every stream from its own pieces, as fast as each stream's flow lets it."""

    def __init__(self, session, images, compress):
        self.session, self.compress = session, compress
        self.data_frames = self.zero_frames = self.raw_bytes = self.payload_bytes = 0
        self._work = [self._pieces_of(stream, images) for stream in range(len(session.streams))]
        self._next = [next(work, None) for work in self._work]
        self._unsent = {session.volumes[image.device_name]["index"]: image.size_bytes for image in images}
        self._under_way = deque()  # (stream, volume, seq, length), oldest first
        self._told = self._looked = time.monotonic()
        self._window_seconds = self._network_seconds = 0

    def _pieces_of(self, stream, images):
        for image in images:
            volume = self.session.volumes[image.device_name]["index"]
            for piece in pieces(image, stream, volume, self.session):
                yield volume, *piece

    def run(self):
        while any(self._next):
            sent = [self._send_one(stream) for stream in range(len(self._next))]
            self.session.step(0 if any(sent) else 0.1)
            self.session.check()
            self._measure(any(sent))
            if time.monotonic() - self._told > STATUS_SECONDS:
                self.tell_status()

    def _measure(self, sent):
        """Where nothing could be sent a connection was full, or the window."""
        now = time.monotonic()
        if not sent:
            full = any(stream.connection.unsent for stream in self.session.streams)
            self._network_seconds += now - self._looked if full else 0
            self._window_seconds += 0 if full else now - self._looked
        self._looked = now

    def committed(self):
        """What is committed is durable, whether its acknowledgement has come yet or not."""
        self._under_way.clear()
        self.tell_status()

    def tell_status(self):
        self._told = time.monotonic()
        flows = [stream.flow for stream in self.session.streams]
        self._under_way = deque(piece for piece in self._under_way
                                if piece[2] > flows[piece[0]].durable_seq.get(piece[1], 0))
        backlogs = dict(self._unsent)
        for _, volume, _, length in self._under_way:
            backlogs[volume] += length
        self.session.send_source_status(backlogs, network_millis=int(1000 * self._network_seconds),
                                        window_millis=int(1000 * self._window_seconds))

    def _send_one(self, stream):
        if self._next[stream] is None:
            return False
        volume, offset, length, raw = self._next[stream]
        if not self.session.can_send(volume, offset, ZERO_COST if raw is None else length):
            return False
        if raw is None:
            self.session.send_zero(volume, offset, length)
            self.zero_frames += 1
        else:
            self.payload_bytes += self.session.send_block(volume, offset, raw, self.compress)
            self.raw_bytes += length
            self.data_frames += 1
        self._unsent[volume] -= length
        self._under_way.append((stream, volume, self.session.streams[stream].connection.next_seq - 1, length))
        self._next[stream] = next(self._work[stream], None)
        return True


def replicate(options):
    images = [Image(argument) for argument in options.disk]
    started = time.monotonic()
    session = Session(endpoint_of(options))
    try:
        disks = [Disk(image.device_name, image.size_bytes) for image in images]
        welcome = session.hello(brp_client.hello_body(options.source_server_id, disks, options.streams,
                                                      features=[brp_client.SOURCE_STATUS]))
        failed = [f"{v['deviceName']}: {v['reason']}" for v in welcome["volumes"] if v["action"] == "FAILED"]
        if failed:
            raise SessionEnded("failed volumes: " + ", ".join(failed))
        session.attach()
        epoch = session.next_epoch()
        session.open_epoch(epoch, estimated_bytes=sum(image.size_bytes for image in images))
        sender = Sender(session, images, options.compress)
        sender.tell_status()
        sender.run()
        session.fence()
        session.commit()
        seconds = time.monotonic() - started
        sender.committed()
        session.bye()
    except GoingAway as e:
        session.drain(e.body["deadlineMillis"] / 1000)
        session.bye("goaway")
        raise
    finally:
        session.close()
        for image in images:
            image.close()
    total = sum(image.size_bytes for image in images)
    print(f"committed epoch={epoch} generation={welcome['generation']} streams={welcome['streams']} "
          f"disks={len(images)} bytes={total} data_frames={sender.data_frames} raw_bytes={sender.raw_bytes} "
          f"payload_bytes={sender.payload_bytes} zero_frames={sender.zero_frames} progresses={len(session.progresses)} "
          f"seconds={seconds:.2f} mib_per_second={total / seconds / (1 << 20):.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_server_options(parser)
    parser.add_argument("--disk", required=True, action="append", metavar="NAME=PATH", help="device name and its image")
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--no-compress", dest="compress", action="store_false", help="send stored blocks only")
    try:
        replicate(parser.parse_args())
    except GoingAway as e:
        print(f"sync_image: {e}", file=sys.stderr)
        return 3
    except (SessionEnded, OSError) as e:
        print(f"sync_image: {type(e).__name__}: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
