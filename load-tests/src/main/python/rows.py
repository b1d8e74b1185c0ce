"""Rows of a test of conformance: each provokes one thing, names the sentence of the specification that it tests, and is
`ok`, `FAILED` or `skipped`.
"""

import json
import time
from dataclasses import dataclass

from specification import Rule


RUNS_SHOWN = 8  # of what came on a connection


class Mismatch(Exception):
    """What was expected and what came. `rule` where another sentence than the row's was broken."""

    def __init__(self, expected, got, rule=None):
        super().__init__(f"expected {expected} got {got}")
        self.expected, self.got, self.rule = str(expected), str(got), rule


class Skipped(Exception):
    """The row cannot be provoked here."""


@dataclass(frozen=True)
class Row:
    name: str
    rule: Rule
    play: object


class Rows(dict):
    """Rows by name, in the order in which they are played."""

    def row(self, name, section, words):
        def register(function):
            if name in self:
                raise ValueError(f"two rows are called {name}")
            self[name] = Row(name, Rule(section, words), function)
            return function
        return register


def came(connection):
    """What came on a connection, in words; runs of the same are counted."""
    words = []
    for entry in connection.log:
        if words and words[-1][0] == entry:
            words[-1][1] += 1
        else:
            words.append([entry, 1])
    runs = [entry if count == 1 else f"{count} x {entry}" for entry, count in words[-RUNS_SHOWN:]]
    heard = ("... " if len(words) > RUNS_SHOWN else "") + (", ".join(runs) or "nothing")
    return f"{connection.name}: {heard}; {'ended by ' + connection.ended if connection.ended else 'still open'}"


def sent(connections):
    """What was sent last on some connections, in words; of runs of the same type the last."""
    words = []
    for connection in connections:
        runs = []
        for name, shown in connection.sent:
            count = runs.pop()[2] + 1 if runs and runs[-1][0] == name else 1
            runs.append((name, shown, count))
        if runs:
            words.append(f"{connection.name}: " + "; ".join(
                shown if count == 1 else f"{count} x {name}, the last {shown}" for name, shown, count in runs))
    return " | ".join(words)


class Report:
    """Prints a line a row, more of it where one failed, and the count at the end; or all of it as JSON."""

    def __init__(self, specification, as_json):
        self._specification, self._as_json = specification, as_json
        self.results = []

    def play(self, row, probe, breaks=()):
        """Plays one row and closes its probe. `breaks` are exceptions that mean that the row could not go on."""
        started = time.monotonic()
        result = {"row": row.name, "result": "ok"}
        rule = row.rule
        try:
            row.play(probe)
        except Skipped as e:
            result |= {"result": "skipped", "why": str(e)}
        except Mismatch as e:
            rule = e.rule or rule
            result |= {"result": "failed", "sent": probe.sent(), "expected": e.expected, "came": e.got}
        except breaks as e:
            rule = getattr(e, "rule", None) or rule
            result |= {"result": "failed", "sent": probe.sent(), "expected": "the conversation to get that far",
                       "came": f"{type(e).__name__}: {e}"}
        finally:
            probe.close()
        refused = probe.refused()
        if refused:
            # Whatever the row made of it: what came cannot be understood.
            rule = refused.rule
            result |= {"result": "failed", "sent": probe.sent(), "expected": "frames as specified",
                       "came": str(refused)}
        if probe.note:
            result["note"] = probe.note
        result |= {"section": rule.section, "sentence": self._specification.sentence(rule),
                   "seconds": round(time.monotonic() - started, 1)}
        self.results.append(result)
        if not self._as_json:
            print(self._line(result), flush=True)

    @staticmethod
    def _line(result):
        if result["result"] == "skipped":
            return f"skipped {result['row']} {result['why']}"
        if result["result"] == "ok":
            return f"ok {result['row']} (section {result['section']}) {result.get('note', '')}".rstrip()
        return f"FAILED {result['row']}\n" \
               f"  sent      {result['sent'] or 'nothing'}\n" \
               f"  expected  {result['expected']}\n" \
               f"  came      {result['came']}\n  section {result['section']}: {result['sentence']}"

    def finish(self):
        """Prints the count and gives the exit code."""
        passed, failed, skipped = (sum(result["result"] == name for result in self.results)
                                   for name in ("ok", "failed", "skipped"))
        if self._as_json:
            print(json.dumps({"rows": self.results, "passed": passed, "failed": failed, "skipped": skipped}, indent=1))
        else:
            print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
        return 1 if failed else 0
