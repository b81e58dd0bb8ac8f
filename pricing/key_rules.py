"""Rules across the keys of one object, which the parser checks and the JSON Schema states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from core.messages import message as _
from pricing.fields import ParseContext, join_path


class KeyRule(Protocol):
    """Rule across keys. `check` records an error if the values of an object break it."""

    def check(self, values: Mapping[str, Any], path: str, context: ParseContext) -> None: ...


@dataclass(frozen=True, slots=True)
class ExactlyOne:
    """Exactly one of the keys has a value; with `is_optional`, at most one."""

    names: tuple[str, ...]
    is_optional: bool = False

    def check(self, values: Mapping[str, Any], path: str, context: ParseContext) -> None:
        present = [name for name in self.names if values.get(name) is not None]
        if len(present) != 1 and not (self.is_optional and not present):
            error_path, code = (join_path(path, present[-1]), "invalid") if present else (path, "required")
            context.add_error(error_path, code, _("Provide exactly one of %(names)s.", names=", ".join(self.names)))


@dataclass(frozen=True, slots=True)
class AtLeastOne:
    """At least one of the keys, which the document names `names`, has a value. The error is at the first one."""

    names: tuple[str, ...]
    attributes: tuple[str, ...]

    def check(self, values: Mapping[str, Any], path: str, context: ParseContext) -> None:
        if all(values.get(attribute) is None for attribute in self.attributes):
            detail = _("Provide at least one of %(names)s.", names=", ".join(self.names))
            context.add_error(join_path(path, self.names[0]), "required", detail)


@dataclass(frozen=True, slots=True)
class OnlyWith:
    """A key has a value only if another one, `other`, is `value`; with `both`, it then must have one.

    `default` is the value of the other key if the document has none.
    """

    name: str
    other: str
    value: str
    default: str | None = None
    both: bool = False

    def check(self, values: Mapping[str, Any], path: str, context: ParseContext) -> None:
        if not self.is_respected(values):
            names = {"name": self.name, "required": f"{self.other}: {self.value}"}
            both = _("%(name)s and %(required)s require each other.", **names)
            detail = both if self.both else _("%(name)s requires %(required)s.", **names)
            context.add_error(join_path(path, self.name), "invalid", detail)

    def is_respected(self, values: Mapping[str, Any]) -> bool:
        """Return whether the values respect the rule."""
        is_set = values.get(self.name) not in (None, False)
        is_allowed = values.get(self.other, self.default) == self.value
        return is_set == is_allowed if self.both else is_allowed or not is_set


@dataclass(frozen=True, slots=True)
class ListOrRange:
    """Either a list of values, or a range with one end or both. `ends` are the keys and the attributes of the ends."""

    name: str
    ends: tuple[tuple[str, str], ...]

    def check(self, values: Mapping[str, Any], path: str, context: ParseContext) -> None:
        has_range = any(values.get(attribute) is not None for _name, attribute in self.ends)
        if has_range == (self.name in values):
            code = "invalid" if has_range else "required"
            ends = ", ".join(name for name, _attribute in self.ends)
            detail = _("Provide either %(name)s, or at least one of %(ends)s.", name=self.name, ends=ends)
            context.add_error(join_path(path, self.name), code, detail)
