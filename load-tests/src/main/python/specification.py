"""The text of the Block Replication Protocol, so that whoever is told of a mistake reads the sentence that says so.

A rule is named by its section's number and by some of its words. Both are looked up in receiver/protocol/README.md each
time, so neither can go stale: words that are not in that section, once, are a fault of the program.
"""

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

def schema_of(name):
    return json.loads((PROTOCOL / "schemas" / f"{name.lower().replace('_', '-')}.schema.json").read_text())


_KINDS = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
_KNOWN = {"$schema", "title", "description", "type", "required", "properties", "items", "minimum", "maximum",
          "minLength", "maxLength", "pattern", "enum", "minItems", "maxItems", "multipleOf"}


def violations(schema, value, path):
    """What of a value violates a schema. Refuses keywords that it does not know."""
    assert set(schema) <= _KNOWN, set(schema) - _KNOWN
    kind = schema["type"]
    if not isinstance(value, _KINDS[kind]) or kind == "integer" and isinstance(value, bool):
        yield f"{path} is not of type {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is none of {schema['enum']}"
    if kind == "object":
        yield from (f"{path}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, member in schema.get("properties", {}).items():
            if name in value:
                yield from violations(member, value[name], f"{path}.{name}")
    measure = value if kind == "integer" else len(value) if kind in ("array", "string") else None
    low, high = {"integer": ("minimum", "maximum"), "array": ("minItems", "maxItems"),
                 "string": ("minLength", "maxLength")}.get(kind, (None, None))
    if low in schema and measure < schema[low] or high in schema and measure > schema[high]:
        yield f"{path} is out of bounds: {measure}"
    if "multipleOf" in schema and value % schema["multipleOf"]:
        yield f"{path} is not a multiple of {schema['multipleOf']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path} does not match {schema['pattern']}"
    for i, element in enumerate(value if kind == "array" else ()):
        yield from violations(schema["items"], element, f"{path}[{i}]")
