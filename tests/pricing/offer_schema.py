"""Validators of the JSON Schema of offers, and mutants of valid offers."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator

from pricing import parse
from pricing.fields import ParseContext
from pricing.json_schema import build_json_schema
from pricing.options import ALL_OPTIONS, find_useless_options

SCHEMA = build_json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
FAST_VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)


class CheckedOffers:
    """The parser's table of offers, which also checks that the schema accepts each offer that the parser accepts."""

    def __init__(self, table: Any) -> None:
        self.table, self.count = table, 0

    def read(self, value: Any, path: str, context: ParseContext) -> Any:
        """Parse an offer. Raises AssertionError if only the schema refuses it."""
        offer = self.table.read(value, path, context)
        if not context.errors and not list(find_useless_options(offer)):
            document = json.loads(json.dumps(value, default=str))
            errors = [f"{error.instance_path}: {error.message}" for error in FAST_VALIDATOR.iter_errors(document)]
            assert not errors, f"The schema refuses {document}: {errors}"
            self.count += 1
        return offer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.table, name)


def check_all_offers() -> CheckedOffers:
    """Check every offer that is parsed from now on against the schema."""
    module: Any = parse
    if not isinstance(module.OFFER, CheckedOffers):
        module.OFFER = CheckedOffers(module.OFFER)
    checked: CheckedOffers = module.OFFER
    return checked


# --- mutants ----------------------------------------------------------------------------------------------------------
WRONG_VALUES: dict[type, list[Any]] = {
    bool: ["true", 1],
    int: ["x", -1, 10**13, 1.5, [], True],
    float: ["x", -1, 101, []],
    str: [{}, [], 7, "", "x" * 5000, "-1", "1e3"],
    list: ["x", {}, 0, [None]],
    dict: ["x", [], 0],
}
OPTIONS: dict[str, Any] = {
    "each": True, "methods": "cheapest", "max_units": 2, "per": "line", "pick": "dearest", "split": "quantity",
    "only_complete_groups_of": 2, "max_discount": "1.00", "bundle_size": 2, "partial": False, "then": {"percent": 5},
    "select": {"skus": ["a"]}, "currency": "EUR", "on": "shipping", "tiers": [], "sku": "a", "percent": 5,
    "keep_balance": True, "amount": "1.00", "unit_price": "1.00", "group_price": "1.00", "base": "1.00",
    "basis": "line_amount",
}  # fmt: skip
assert OPTIONS.keys() >= {name for name in ALL_OPTIONS if "." not in name}


def iter_mutants(document: dict[str, Any]) -> Iterator[Any]:
    """Yield copies of an offer with one change: a member removed, added or replaced, an entry added to a list."""
    for path in iter_paths(document):
        if not path:
            yield from iter_changes(document)
            continue
        *parents, last = path
        for changed in iter_changes(get(document, path)):
            mutant = copy.deepcopy(document)
            get(mutant, parents)[last] = changed
            yield mutant
        if isinstance(last, str):
            mutant = copy.deepcopy(document)
            del get(mutant, parents)[last]
            yield mutant


def iter_changes(value: Any) -> Iterator[Any]:
    """Yield other values for a value."""
    yield from WRONG_VALUES[type(value)]
    if isinstance(value, dict):
        yield value | {"unknown": 1}
        if "kind" in value:
            yield value | {"kind": "unknown"}
            yield from (value | {name: added} for name, added in OPTIONS.items() if name not in value)
            yield value | {"select": {"shipping_ids": ["a"]}}
    if isinstance(value, list) and value:
        yield value * 1001


def iter_paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of a document and of everything in it."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in entries:
        yield from iter_paths(inner, (*path, name))


def get(value: Any, path: Any) -> Any:
    """Return what stands at a path."""
    for name in path:
        value = value[name]
    return value
