"""Records: the keys of the objects in an offer document, and the dataclasses that the objects are parsed to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from core.messages import message as _
from pricing.fields import Kind, ParseContext, join_path
from pricing.key_rules import KeyRule


@dataclass(frozen=True, slots=True)
class Key:
    """Key of a record: name, kind of value, attribute that it fills, alias, and whether it is always dumped."""

    name: str
    kind: Kind
    attribute: str = ""
    alias: str = ""
    always_dumped: bool = False
    target: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", self.attribute or self.name)


Check = Callable[[dict[str, Any], str, ParseContext], None]


@dataclass(frozen=True, slots=True)
class Record:
    """Object with known keys that is parsed to a dataclass. A key without a default in the dataclass is required.

    `inline` is an attribute and a record whose keys are on the same level as the keys of this record. `rules` and
    `check` validate the values together, once each of them is valid.
    """

    cls: type[Any]
    keys: tuple[Key, ...]
    inline: tuple[str, Record] | None = None
    check: Check | None = None
    rules: tuple[KeyRule, ...] = ()
    defaults: Mapping[str, Any] = field(init=False)
    known_keys: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Compute what parsing needs: the defaults of the dataclass and all allowed keys."""
        object.__setattr__(self, "defaults", {attribute.name: attribute.default for attribute in fields(self.cls)})
        own = {key.name for key in self.keys} | {key.alias for key in self.keys if key.alias}
        own |= {"kind"} & self.defaults.keys()
        object.__setattr__(self, "known_keys", frozenset(own | self.inline[1].known_keys if self.inline else own))

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if not isinstance(value, Mapping):
            return context.add_error(path, "invalid", _("Expected an object."))
        errors_before = len(context.errors)
        for name in value:
            if name not in self.known_keys:
                context.add_error(join_path(path, str(name)), "unknown_field", _("Unknown field."))
        attributes = self.read_attributes(value, path, context)
        if len(context.errors) > errors_before:
            return None
        for rule in self.rules:
            rule.check(attributes, path, context)
        if self.check is not None:
            self.check(attributes, path, context)
        return self.build(attributes) if len(context.errors) == errors_before else None

    def read_attributes(self, value: Mapping[str, object], path: str, context: ParseContext) -> dict[str, Any]:
        """Return the values of the object as arguments of the dataclass, including those of the inline record."""
        attributes: dict[str, Any] = {"kind": value["kind"]} if "kind" in value and "kind" in self.defaults else {}
        for key in self.keys:
            item = value.get(key.name)
            if item is None and key.alias:
                item = value.get(key.alias)
            if item is not None:
                attributes[key.target] = key.kind.read(item, join_path(path, key.name), context)
            elif self.defaults[key.target] is MISSING:
                context.add_error(join_path(path, key.name), "required", _("This field is required."))
        if self.inline:
            attributes.update(self.inline[1].read_attributes(value, path, context))
            if self.inline[1].check is not None:
                self.inline[1].check(attributes, path, context)
        return attributes

    def build(self, attributes: dict[str, Any]) -> Any:
        """Create the dataclass; the arguments of the inline record create a value of its own."""
        if not self.inline:
            return self.cls(**attributes)
        name, record = self.inline
        own = {key: value for key, value in attributes.items() if key not in record.defaults}
        inner = {key: value for key, value in attributes.items() if key in record.defaults}
        return self.cls(**own, **{name: record.cls(**inner)})

    def dump(self, value: Any) -> dict[str, object]:
        """Convert a value back to an object, without keys that have their default value."""
        document: dict[str, object] = {}
        if "kind" in self.defaults:
            document["kind"] = value.kind
        for key in self.keys:
            attribute_value = getattr(value, key.target)
            if key.always_dumped or attribute_value != self.defaults[key.target]:
                document[key.name] = None if attribute_value is None else key.kind.dump(attribute_value)
        if self.inline:
            document.update(self.inline[1].dump(getattr(value, self.inline[0])))
        return document


@dataclass(frozen=True, slots=True)
class ByKind:
    """Object whose `kind` selects the record."""

    records: Mapping[str, Record]

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if not isinstance(value, Mapping):
            return context.add_error(path, "invalid", _("Expected an object."))
        kind = value.get("kind")
        if kind is None:
            return context.add_error(join_path(path, "kind"), "required", _("This field is required."))
        if not isinstance(kind, str) or kind not in self.records:
            return context.add_error(
                join_path(path, "kind"),
                "invalid_choice",
                _("Choose one of: %(choices)s.", choices=", ".join(self.records)),
            )
        return self.records[kind].read(value, path, context)

    def dump(self, value: Any) -> object:
        return self.records[value.kind].dump(value)


@dataclass(frozen=True, slots=True)
class Nested(ByKind):
    """Object inside another one of the same kinds. `key` is the start of the key that it stands at.

    Objects of the kinds `containers` are nested at most `max_depth` deep.
    """

    key: str = ""
    containers: tuple[str, ...] = ()
    max_depth: int = 2

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        is_container = isinstance(value, Mapping) and value.get("kind") in self.containers
        if is_container and path.count(f".{self.key}") > self.max_depth:
            return context.add_error(path, "invalid", _("Nest at most %(max)s levels deep.", max=self.max_depth))
        return ByKind.read(self, value, path, context)
