"""The objects of an offer's document: which keys they have, and the dataclasses that they become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from pricing.fields import Kind, ParseContext


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a record: the attribute it fills, the kind of its value, other spellings, whether always written."""

    name: str
    kind: Kind
    attribute: str = ""
    also: str = ""
    always: bool = False
    target: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", self.attribute or self.name)


Check = Callable[[dict[str, Any], str, ParseContext], None]


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known keys that becomes a dataclass. A key without a default in the dataclass is required.

    `inline`: (attribute, record) whose keys stand beside this record's own. `check` sees the values once all of
    them are well-formed.
    """

    cls: type[Any]
    keys: tuple[Key, ...]
    inline: tuple[str, Record] | None = None
    check: Check | None = None
    defaults: Mapping[str, Any] = field(init=False)
    names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Works out once what every reading needs: the dataclass's defaults, and every key that may stand there."""
        object.__setattr__(self, "defaults", {each.name: each.default for each in fields(self.cls)})
        own = {key.name for key in self.keys} | {key.also for key in self.keys if key.also}
        own |= {"kind"} & self.defaults.keys()
        object.__setattr__(self, "names", frozenset(own | self.inline[1].names if self.inline else own))

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        if not isinstance(value, Mapping):
            return reading.add_error(path, "wrong_type", "This must be an object.")
        before = len(reading.errors)
        for name in value:
            if name not in self.names:
                reading.add_error(join(path, str(name)), "unknown_field", "There is no such field.")
        attributes = self.attributes(value, path, reading)
        if len(reading.errors) > before:
            return None
        if self.check is not None:
            self.check(attributes, path, reading)
        return self.build(attributes) if len(reading.errors) == before else None

    def attributes(self, value: Mapping[str, object], path: str, reading: ParseContext) -> dict[str, Any]:
        """What the object says, as arguments of the dataclass (the inline record's among them)."""
        found: dict[str, Any] = {"kind": value["kind"]} if "kind" in value and "kind" in self.defaults else {}
        for key in self.keys:
            given = value.get(key.name)
            if given is None and key.also:
                given = value.get(key.also)
            if given is not None:
                found[key.target] = key.kind.read(given, join(path, key.name), reading)
            elif self.defaults[key.target] is MISSING:
                reading.add_error(join(path, key.name), "required", "This field is required.")
        if self.inline:
            found.update(self.inline[1].attributes(value, path, reading))
            if self.inline[1].check is not None:
                self.inline[1].check(found, path, reading)
        return found

    def build(self, attributes: dict[str, Any]) -> Any:
        """The dataclass; the inline record's arguments go to a value of its own."""
        if not self.inline:
            return self.cls(**attributes)
        name, record = self.inline
        own = {key: each for key, each in attributes.items() if key not in record.defaults}
        inner = {key: each for key, each in attributes.items() if key in record.defaults}
        return self.cls(**own, **{name: record.cls(**inner)})

    def dump(self, value: Any) -> dict[str, object]:
        """The object again, without what is as its default says."""
        written: dict[str, object] = {}
        if "kind" in self.defaults:
            written["kind"] = value.kind
        for key in self.keys:
            held = getattr(value, key.target)
            if key.always or held != self.defaults[key.target]:
                written[key.name] = None if held is None else key.kind.dump(held)
        if self.inline:
            written.update(self.inline[1].dump(getattr(value, self.inline[0])))
        return written


@dataclass(frozen=True, slots=True)
class ByKind:
    """An object whose `kind` says which record it is."""

    records: Mapping[str, Record]

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        if not isinstance(value, Mapping):
            return reading.add_error(path, "wrong_type", "This must be an object.")
        kind = value.get("kind")
        if kind is None:
            return reading.add_error(join(path, "kind"), "required", "This field is required.")
        if not isinstance(kind, str) or kind not in self.records:
            return reading.add_error(join(path, "kind"), "not_a_choice", f"Known kinds: {', '.join(self.records)}.")
        return self.records[kind].read(value, path, reading)

    def dump(self, value: Any) -> object:
        return self.records[value.kind].dump(value)


def join(path: str, name: str) -> str:
    """`benefits.0` and `value` make `benefits.0.value`."""
    return f"{path}.{name}" if path else name
