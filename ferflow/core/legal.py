"""The legal values of a parameter, as text, from its record's JSON schema."""

from typing import Any

from pydantic import BaseModel

# what people write who know another YAML, or Python -> what this one has for it
_OTHER_WORDS = dict.fromkeys(("no", "off"), "false") | dict.fromkeys(("yes", "on"), "true")
_OTHER_WORDS |= dict.fromkeys(("none", "nil", "na", "nan"), "null")

Schema = dict[str, Any]


class Legal:
    """What may stand at a place of a record.

    place : keys and numbers of list entries, as pydantic gives a fault's; what it adds for the
    members of a union is left out of `key`.
    """

    def __init__(self, record: type[BaseModel], place: tuple[int | str, ...]) -> None:
        whole = record.model_json_schema()
        self._defs: Schema = whole.get("$defs", {})
        key, schema = [], self._resolved(whole)
        for part in place:
            inner = next(filter(None, (_inside(s, part) for s in self._members(schema))), None)
            if inner is None:
                break
            key.append(str(part))
            schema = self._resolved(inner)
        self.key = ".".join(key)
        self.words = [word for s in self._members(schema) for word in self._words(s)]

    def __str__(self) -> str:
        """'a whole number from 1 or null'"""
        return _or(self.words or ["another value"])

    def other_word(self, got: object) -> str:
        """' Did you mean null?' where a person wrote what another language has for it."""
        word = _OTHER_WORDS.get(got.lower()) if isinstance(got, str) else None
        return f" Did you mean {word}?" if word in self.words else ""

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self._defs[schema["$ref"].rsplit("/", 1)[-1]]
        return schema

    def _members(self, schema: Schema) -> list[Schema]:
        """The members of a union; a schema that is not a union is its own."""
        return [self._resolved(member) for member in schema.get("anyOf", [schema])]

    def _words(self, schema: Schema) -> list[str]:
        """What a value may be, a word or a few for each alternative."""
        if "enum" in schema or "const" in schema:
            return [repr(value) for value in schema.get("enum", [schema.get("const")])]
        match schema.get("type"):
            case "boolean":
                return ["true", "false"]
            case "null":
                return ["null"]
            case "integer" | "number" as kind:
                return [f"a {'whole ' if kind == 'integer' else ''}number{_range(schema)}"]
            case "string":
                return ["text"]
            case "array":
                entries = [
                    w for s in self._members(schema.get("items", {})) for w in self._words(s)
                ]
                each = f" (each {_or(entries)})" if entries else ""
                return [f"a list{_length(schema)}{each}"]
            case "object":
                return ["a section of keys"]
            case _:
                return []


def spell(value: object) -> str:
    """A value as written in a YAML file; words with quotes."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def _inside(schema: Schema, part: int | str) -> Schema | None:
    """The schema of a key of a section, or of an entry of a list; None if there is none."""
    if isinstance(part, int):
        each = schema.get("prefixItems", [])  # of a tuple
        entry: Schema | None = each[part] if part < len(each) else schema.get("items")
        return entry or None
    if part in schema.get("properties", {}):
        inner: Schema = schema["properties"][part]
        return inner
    more = schema.get("additionalProperties")
    return more if isinstance(more, dict) else None


def _or(words: list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _length(schema: Schema) -> str:
    """' of 2 to 3 entries'"""
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least is None and most is None:
        return ""
    if least == most:
        return f" of {least} entries"
    return f" of {least or 0} to {most} entries" if most else f" of {least} or more entries"


def _range(schema: Schema) -> str:
    """' from 0 to below 1', from what a JSON schema calls its limits."""
    words = []
    for key, word in (("minimum", "from"), ("exclusiveMinimum", "above")):
        if key in schema:
            words.append(f"{word} {schema[key]:,}")
    to = "to " if words else ""
    for key, word in (("maximum", to or "up to "), ("exclusiveMaximum", f"{to}below ")):
        if key in schema:
            words.append(f"{word}{schema[key]:,}")
    return "".join(f" {word}" for word in words)
