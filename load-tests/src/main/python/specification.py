"""The text of the Block Replication Protocol, so that whoever is told of a mistake reads the sentence that says so.

A rule is named by its section's number and by some of its words. Both are looked up in receiver/protocol/README.md each
time, so neither can go stale: words that are not in that section, once, are a fault of the program.
"""

import functools
import json
import re
from pathlib import Path
from typing import NamedTuple

PROTOCOL = Path(__file__).resolve().parents[4] / "receiver" / "protocol"
_HEADING = re.compile(r"#{2,3} (\d+(?:\.\d+)?) ")
_SENTENCE_END = re.compile(r"(?<=[.·])\s+(?=[A-Z*`{])")
_ITEM = re.compile(r"(?:[-|]|\d+\.) ?|\*\*")


class Rule(NamedTuple):
    """Some words of one section of the specification."""

    section: str
    words: str


class UnknownRule(LookupError):
    """The specification has no such words, or has them twice."""


class Specification:
    """The sections of the document and what each says, in paragraphs: lines of a table, items of a list, or prose."""

    def __init__(self, text):
        self._sections = {}
        paragraphs, in_code = None, False
        for line in text.splitlines():
            heading = _HEADING.match(line)
            if line.startswith("```"):
                in_code = not in_code
            elif in_code or paragraphs is None and not heading:
                continue
            elif heading:
                paragraphs = self._sections.setdefault(heading[1], [])
            elif line and (not paragraphs or paragraphs[-1] is None or _ITEM.match(line)):
                paragraphs.append(line.strip())
            elif line:
                paragraphs[-1] += " " + line.strip()
            else:
                paragraphs.append(None)

    def sentence(self, rule):
        """The sentence, or the line of the table, that has the words of a rule."""
        paragraphs = self._sections.get(rule.section, ())
        found = [paragraph for paragraph in paragraphs if paragraph and rule.words in paragraph]
        if len(found) != 1 or found[0].count(rule.words) != 1:
            raise UnknownRule(f"section {rule.section} has {rule.words!r} in {len(found)} paragraphs, "
                              f"must be once in one")
        if found[0].startswith("|"):
            return found[0].strip("| ")
        # Words may also reach over the end of a sentence.
        begin = end = 0
        sentences = []
        at = found[0].index(rule.words)
        for sentence in _SENTENCE_END.split(found[0]):
            begin = found[0].index(sentence, end)
            end = begin + len(sentence)
            if begin < at + len(rule.words) and end > at:
                sentences.append(sentence)
        return " ".join(sentences).lstrip("- ")

    def table(self, section, first_column):
        """The lines of the table in a section whose first column has that title."""
        lines, inside = [], False
        for paragraph in self._sections[section]:
            if not (paragraph or "").startswith("|"):
                inside = False
            elif paragraph.startswith(f"| {first_column} |"):
                inside = True
            elif inside and not paragraph.startswith("|-"):
                lines.append(paragraph.strip("| "))
        return lines


def load():
    return Specification((PROTOCOL / "README.md").read_text(encoding="utf-8"))


# --- Schemas ---------------------------------------------------------------------------------------------------------

@functools.cache
def schema_of(name):
    return json.loads((PROTOCOL / "schemas" / f"{name.lower().replace('_', '-')}.schema.json").read_text())


class Violation(NamedTuple):
    """What of a body is not as its schema says, and what says that it must be."""

    text: str
    rule: Rule


_FORM = Rule("5.1", "a required member that is missing")
_RANGE = Rule("5.1", "the ranges and lengths that it gives are normative")
_NUMBER_64 = Rule("5.1", "are strings of 1 to 20 decimal digits below 2^63")
_NUMBER_64_PATTERN = "^[0-9]{1,20}$"
_KINDS = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
_KNOWN = {"$schema", "title", "description", "type", "required", "properties", "items", "minimum", "maximum",
          "minLength", "maxLength", "pattern", "enum", "minItems", "maxItems", "multipleOf"}


def utf16_len(text):
    """Of a string in UTF-16 code units, in which section 5.1 counts."""
    return len(text) + sum(character > "\uffff" for character in text)


def violations(schema, value, path):
    """What of a value violates a schema; members that it does not name are allowed. Refuses keywords that it does not know."""
    assert set(schema) <= _KNOWN, set(schema) - _KNOWN
    kind = schema["type"]
    if not isinstance(value, _KINDS[kind]) or kind == "integer" and isinstance(value, bool):
        yield Violation(f"{path} is not of type {kind}", _FORM)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield Violation(f"{path} is none of {schema['enum']}", _RANGE)
    if kind == "object":
        yield from (Violation(f"{path}.{name} is missing", _FORM)
                    for name in schema.get("required", ()) if name not in value)
        for name, member in schema.get("properties", {}).items():
            if name in value:
                yield from violations(member, value[name], f"{path}.{name}")
    measure = {"integer": lambda: value, "array": lambda: len(value), "string": lambda: utf16_len(value)}
    low, high = {"integer": ("minimum", "maximum"), "array": ("minItems", "maxItems"),
                 "string": ("minLength", "maxLength")}.get(kind, (None, None))
    if low in schema and measure[kind]() < schema[low] or high in schema and measure[kind]() > schema[high]:
        yield Violation(f"{path} is out of bounds: {measure[kind]()}", _RANGE)
    if "multipleOf" in schema and value % schema["multipleOf"]:
        yield Violation(f"{path} is not a multiple of {schema['multipleOf']}", _RANGE)
    if "pattern" in schema and not re.search(schema["pattern"].removesuffix("$") + r"\Z", value):
        yield Violation(f"{path} does not match {schema['pattern']}", _RANGE)
    elif schema.get("pattern") == _NUMBER_64_PATTERN and int(value) >= 1 << 63:
        yield Violation(f"{path} is not below 2^63", _NUMBER_64)
    for i, element in enumerate(value if kind == "array" else ()):
        yield from violations(schema["items"], element, f"{path}[{i}]")
