"""The JSON Schema of offers accepts what the parser accepts, and refuses mutants."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from pricing import OfferInvalid, dump_offer, parse_offer
from pricing.condition_schema import CONDITIONS
from pricing.json_schema import build_definitions
from pricing.schema import BENEFITS
from tests.contracts.tree import ROOT
from tests.pricing.offer_schema import FAST_VALIDATOR, SCHEMA, VALIDATOR, check_all_offers, iter_mutants
from tests.pricing.strategies import documents

BLOCK = re.compile(r"^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTED = [
    document
    for text in BLOCK.findall((ROOT / "docs/offers.md").read_text())
    if "benefits" in (document := json.loads(text))
]
SAMPLES: list[dict[str, Any]] = [
    *DOCUMENTED,
    {"benefits": [{"kind": "set_price", "on": "bundle", "value": "5.00", "bundle_size": 2, "split": "quantity"}]},
    {"benefits": [{"kind": "groups", "size": 2, "unit_price": "3.00", "count": 2, "max_units": 4, "per": "line"}]},
    {"benefits": [{"kind": "unit_ladder", "first": "2.00", "next": "1.00", "max_units": 3}]},
    {"benefits": [{"kind": "tiers", "basis": "eligible_quantity", "unit": "amount", "base": "1.00",
                   "tiers": [{"from": 2, "value": "2.00"}], "on": "shipping", "select": {"shipping_ids": ["a"]}}]},
    {"benefits": [{"kind": "tiers", "basis": "line_amount", "unit": "percent",
                   "tiers": [{"from": "10", "value": 5}]}], "group": "g", "lane": 2, "max_applications": 1},
    {"benefits": [{"kind": "percent", "value": 5, "on": "unit", "pick": "dearest", "only_complete_groups_of": 2}],
     "conditions": [
         {"kind": "subtotal_equals", "value": "5.00", "basis": "running", "currency": "EUR"},
         {"kind": "contains", "select": {"skus": ["a"]}, "quantity": 2}, {"kind": "min_line_quantity", "quantity": 2},
         {"kind": "max_quantity", "value": 9}, {"kind": "max_subtotal", "value": {"EUR": "9.00"}},
         {"kind": "date_range", "from": "2026-12-01"}, {"kind": "store", "any": ["a"]},
         {"kind": "date_range", "to": "2026-12-01T08:00:00+01:00"}, {"kind": "payment_method", "any": ["card"]},
         {"kind": "transaction_type", "any": ["topup"]}, {"kind": "currency", "any": ["EUR"]},
         {"kind": "shipping_method", "any": ["a"]},
         {"kind": "attribute", "name": "weight", "from": 1, "to": 2.5},
         {"kind": "any_of", "conditions": [
             {"kind": "not", "condition": {"kind": "not", "condition": {"kind": "nth_order", "value": 1}}},
             {"kind": "min_quantity", "value": 2}]},
     ]},
]  # fmt: skip
PARSER_ONLY = (
    "Must be at most the group size", "Each tier must start above", "Use the same currencies", "Use at most", "hours",
    "must differ", "must both be", "to must be after", "Must not be below", "Select the products", "to must not be",
    "Only numbers and dates", "is a number", "is a date", "is a text", "is true or false", "Unknown currency",
    "Amounts per currency and currency exclude", "No currency has",
    "A balance is in one currency", "must be the only one of its offer",
)  # fmt: skip
"""Details of errors that only the parser finds (see `pricing.json_schema`)."""


def is_accepted(document: object) -> bool:
    try:
        parse_offer(document)
    except OfferInvalid:
        return False
    return True


def has_parser_errors_only(document: object) -> bool:
    try:
        parse_offer(document)
    except OfferInvalid as invalid:
        return all(detail.startswith(PARSER_ONLY) or any(part in detail for part in PARSER_ONLY)
                   for _, _, detail in invalid.errors)  # fmt: skip
    return True


def test_the_schema_is_valid_and_describes_every_kind() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    used = {condition["kind"] for document in SAMPLES for condition in iter_kinds(document)}

    assert used == CONDITIONS.keys() | BENEFITS.keys()
    assert all(VALIDATOR.is_valid(document) for document in SAMPLES)


def iter_kinds(value: Any) -> Any:
    if isinstance(value, dict):
        if "kind" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from iter_kinds(inner)


def test_every_parsed_offer_is_checked() -> None:
    checked = check_all_offers()
    before = checked.count

    parse_offer(DOCUMENTED[0])

    assert checked.count == before + 1


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_mutants_that_the_parser_refuses_are_refused_by_the_schema(number: int) -> None:
    refused, missed = 0, []
    for mutant in iter_mutants(SAMPLES[number]):
        if not is_accepted(mutant):
            if not FAST_VALIDATOR.is_valid(mutant):
                refused += 1
            elif not has_parser_errors_only(mutant):
                missed.append(mutant)

    assert missed == []
    assert refused >= 40


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=documents(compound=True))
def test_random_offers_and_their_dumps_follow_the_schema(document: dict[str, Any]) -> None:
    for each in (document, dump_offer(parse_offer(document))):
        assert VALIDATOR.is_valid(json.loads(json.dumps(each)))


def test_the_stored_schema_is_current() -> None:
    text = json.dumps(SCHEMA, indent=2) + "\n"

    assert (ROOT / "docs/offer.schema.json").read_text() == text, "Run manage.py generate_offer_schema."


def test_definitions_of_the_api_document_have_discriminators() -> None:
    definitions = build_definitions()

    for name, kinds in (("OfferBenefit", BENEFITS), ("OfferCondition", CONDITIONS)):
        mapping = definitions[name]["discriminator"]["mapping"]
        assert mapping.keys() == kinds.keys()
        for kind, reference in mapping.items():
            kind_schema = definitions[reference.rpartition("/")[2]]
            assert kind_schema["properties"]["kind"]["enum"] == [kind]
            assert kind_schema["additionalProperties"] is False
