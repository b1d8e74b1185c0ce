#!/usr/bin/env python3
"""Plays the Block Replication Protocol against a server, or against an agent, and says what is wrong with the sentence
of the specification that says so.

Prints a line a row, `ok NAME (section N)`, `skipped NAME why` or `FAILED NAME` with what was sent, what was expected,
what came and the sentence, and `N passed, N failed` at the end, also after a signal. Its exit codes are at the end of
`--help`.
"""

import argparse
import re
import signal
import ssl
import sys
from datetime import datetime, timezone
from pathlib import Path

import agent_rows
import judge
import server_rows
import specification
from brp_client import CLOCK_TOLERANCE, GoingAway, Refused, SessionEnded, read_certificate
from rows import Report
from server_rows import NotServed, Unreachable

BREAKS = (SessionEnded, GoingAway, Refused, OSError, KeyError, TypeError, ValueError)

DESCRIPTION = """\
Plays the Block Replication Protocol against any server (--target) or any agent (--agent) and says what is wrong, with
the sentence of receiver/protocol/README.md that says so.

Against a server: make a key with "./run agent identity" and have the server assign its pin a source server with one
disk, which is overwritten. No agent may use it meanwhile. The row duplicate-agent comes last, because after it the
server refuses this source server until an operator accepts its agents again. All rows take about 2 minutes.
Against an agent: the runner is the server. It prints its pin and waits for the agent, which should have one disk of 8
to 64 MiB, some MiB of it not zero, that nobody writes to, and go on for ever with an epoch every second or so. All rows
take about 4 minutes, most of it for rows that wait for deadlines of the protocol."""

EPILOG = """\
--operator NAME=COMMAND is for rows of a server that only an operator can bring about; without it they are skipped:
  hold            holds the source server for 5 s, as "./run source hold ID --seconds 5" does
  stall, unstall  make the volume's device stand still, and go on
  fail-volume, reopen-volume   make the device fail, and mend it
  pause, resume   pause and resume replication of the source server
  assign          changes the assignment of its disks, so that the session must begin anew
  shutdown, start stop the server, and start it again

Exit codes: 0 no row failed, 1 a row failed, 2 wrong usage, 69 no Python 3.11 or later, no server there, no
agent came, cannot listen, 77 the server has another pin, or refuses identity, source server or disk, 143 and 130
after SIGTERM and SIGINT, with the rows that were played."""

UNAVAILABLE = 69
REFUSED = 77


class Stopped(BaseException):
    """A signal came; not to be caught by what is played."""

    def __init__(self, number):
        super().__init__(number)
        self.exit_code = 128 + number


class Parser(argparse.ArgumentParser):
    """Tells a mistake in one line, as the other commands do."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; help: {self.prog} --help\n")


def endpoint(text):
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 <= int(port) < 65536:
        raise argparse.ArgumentTypeError(f"'{text}', allowed is HOST:PORT")
    return host.strip("[]"), int(port)


def identity(text):
    """Certificate and key: of a directory that `./run agent identity` made, or with this path and another ending."""
    path = Path(text)
    prefix = path / "agent" if path.is_dir() else path
    files = prefix.with_name(prefix.name + ".cert.pem"), prefix.with_name(prefix.name + ".key.pem")
    for part in files:
        if not part.is_file():
            raise argparse.ArgumentTypeError(f"there is no {part}; ./run agent identity makes it")
    return str(files[0]), str(files[1])


def expired_identity(text):
    """The same, with a certificate that no server takes for its dates alone."""
    certificate, key = identity(text)
    _, not_before, not_after = read_certificate(ssl.PEM_cert_to_DER_cert(Path(certificate).read_text()))
    if not_before - CLOCK_TOLERANCE <= datetime.now(timezone.utc) <= not_after + CLOCK_TOLERANCE:
        raise argparse.ArgumentTypeError(f"{certificate} is valid from {not_before} to {not_after}, allowed is one that "
                                         "is outside its dates by more than 5 minutes")
    return certificate, key


def file(text):
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return text


def image(text):
    name, path = named(text)
    return name, file(path)


def pin(text):
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError(f"'{text}', allowed is sha256: and 64 lower-case hexadecimal digits")
    return text


def named(text):
    name, sign, value = text.partition("=")
    if not sign or not name or not value:
        raise argparse.ArgumentTypeError(f"'{text}', allowed is NAME=VALUE")
    return name, value


def operator(text):
    name, command = named(text)
    if name not in server_rows.OPERATIONS:
        raise argparse.ArgumentTypeError(f"'{name}', allowed are {', '.join(sorted(server_rows.OPERATIONS))}")
    return name, command


def size(text):
    if not text.isdigit() or not 512 <= int(text) <= 1 << 46 or int(text) % 512:
        raise argparse.ArgumentTypeError(f"'{text}', allowed is a multiple of 512 from 512 to 2^46")
    return int(text)


def names(text):
    return [name for name in text.split(",") if name]


def parse(arguments):
    parser = Parser(prog="./run conformance", description=DESCRIPTION, epilog=EPILOG,
                    formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    side = parser.add_mutually_exclusive_group()
    side.add_argument("--target", type=endpoint, metavar="HOST:PORT", help="plays against the server there")
    side.add_argument("--agent", action="store_true", help="plays against the agent that connects here")
    both = parser.add_argument_group("both")
    both.add_argument("--identity", type=identity, metavar="DIR",
                      help="the runner's own key and certificate, as ./run agent identity makes them; or DIR/NAME, of "
                           "NAME.cert.pem and NAME.key.pem")
    both.add_argument("--other-identity", type=identity, metavar="DIR",
                      help="one that the other side does not know, for the rows that show it")
    both.add_argument("--source-server-id", metavar="ID", help="the source server that the server assigned the pin to; "
                      "of an agent, the one it must say that it is")
    both.add_argument("--rows", type=names, default=[], metavar="NAME,...", help="these rows alone")
    both.add_argument("--skip", type=names, default=[], metavar="NAME,...", help="not these rows")
    both.add_argument("--list", action="store_true", help="prints the rows and what each tests, and plays none")
    both.add_argument("--json", action="store_true", help="prints one JSON object at the end and no lines")
    server = parser.add_argument_group("against a server (--target)")
    server.add_argument("--server-pin", type=pin, action="append", default=[], metavar="sha256:HEX",
                        help="the server's pin; may be given more than once, for a set of pins")
    server.add_argument("--device-name", metavar="NAME", help="disk assigned to the source server; is written to")
    server.add_argument("--size", type=size, metavar="BYTES", help="its size")
    server.add_argument("--expired-identity", type=expired_identity, metavar="DIR",
                        help="one whose pin is assigned to the source server too, or is the same, with a certificate "
                             "outside its dates by more than 5 minutes")
    server.add_argument("--other-source-id", default="conformance-other", metavar="ID",
                        help="a source server that is not assigned to the pin (default: %(default)s)")
    server.add_argument("--operator", type=operator, action="append", default=[], metavar="NAME=COMMAND",
                        help="shell command for rows that need one; see below")
    agent = parser.add_argument_group("against an agent (--agent)")
    agent.add_argument("--listen", type=endpoint, default=("127.0.0.1", 1500), metavar="HOST:PORT",
                       help="where to listen (default: 127.0.0.1:1500); port 0 is any")
    agent.add_argument("--agent-certificate", type=file, metavar="PEM", help="the agent's certificate")
    agent.add_argument("--image", type=image, action="append", default=[], metavar="NAME=FILE",
                       help="what the disk NAME holds, to compare what arrives with")
    agent.add_argument("--agent-command", metavar="COMMAND",
                       help="shell command that starts the agent, also again when it has ended; BRP_SERVER and BRP_PIN "
                            "tell it the server. Without it somebody starts the agent by hand")
    agent.add_argument("--patience", type=int, default=90, metavar="SECONDS",
                       help="how long the agent may take to connect again (default: %(default)s)")
    options = parser.parse_args(arguments)
    if not options.agent and not options.target and not options.list:
        parser.error("missing: --target or --agent")
    rows = agent_rows.ROWS if options.agent else server_rows.ROWS
    for name in options.rows + options.skip:
        if name not in rows:
            parser.error(f"there is no row {name}; --list prints them")
    if not options.list:
        needed = ["--identity", "--agent-certificate"] if options.agent else \
            ["--identity", "--source-server-id", "--server-pin", "--device-name", "--size"]
        missing = [name for name in needed if not getattr(options, name[2:].replace("-", "_"))]
        if missing:
            parser.error(f"missing: {', '.join(missing)}")
    options.operator = dict(options.operator)
    options.image = dict(options.image)
    return options, rows


def play(options, rows, report):
    chosen = [row for name, row in rows.items() if name not in options.skip and name in (options.rows or rows)]
    if options.agent:
        try:
            listening = judge.Listener(options)
        except OSError as e:
            raise Unreachable(f"cannot listen on {options.listen[0]}:{options.listen[1]}: {e}") from None
        with listening as listener:
            print(listener.invitation(), file=sys.stderr, flush=True)
            for row in chosen:
                report.play(row, agent_rows.Probe(listener), BREAKS)
        return
    options.server = "{}:{}".format(*options.target)
    options.certificate, options.key = options.identity
    options.wrong_certificate, options.wrong_key = options.other_identity or (None, None)
    server_rows.check_server(options)
    for row in chosen:
        report.play(row, server_rows.Probe(options), BREAKS)


def main(arguments=None):
    options, rows = parse(arguments)
    document = specification.load()
    if options.list:
        for title, of_side in (("against a server", server_rows.ROWS), ("against an agent", agent_rows.ROWS)):
            if of_side is rows or not options.target and not options.agent:
                print(f"{title}:")
                for row in of_side.values():
                    print(f"  {row.name}  section {row.rule.section}: {document.sentence(row.rule)}")
        return 0
    report = Report(document, options.json)
    try:
        play(options, rows, report)
    except (judge.NobodyCame, Unreachable, NotServed) as e:
        print(f"conformance: {e}", file=sys.stderr)
        return REFUSED if isinstance(e, NotServed) else UNAVAILABLE
    except Stopped as e:
        report.finish()
        return e.exit_code
    return report.finish()


def stop(number, _frame):
    # Once: what was begun here, as an agent, is ended first.
    for other in (signal.SIGTERM, signal.SIGINT):
        signal.signal(other, signal.SIG_IGN)
    raise Stopped(number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        sys.exit(main())
    except Stopped as e:  # before the first row
        sys.exit(e.exit_code)
