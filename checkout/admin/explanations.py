"""Explanations as people read them: for each promotion each condition, what it needed and what it saw."""

from collections.abc import Collection, Mapping
from typing import Any

from backoffice.base.formatting import format_amount as format_minor_amount
from checkout import rules
from checkout.contracts import Quote
from core import money

HIDDEN = frozenset({"code", "detail"})


def format_amount(text: str, currency: str) -> str:
    """An amount of an answer as a person reads it."""
    return format_minor_amount(money.parse(text, currency), currency)


def rows(explained: Collection[Mapping[str, Any]], currency: str) -> list[dict[str, Any]]:
    """Explanations, ready to be shown by ``admin/checkout/explained.html``."""
    return [
        {
            "title": row["title"],
            "code": row.get("code", ""),
            "given": row["outcome"] == "applied",
            "outcome": "given" if row["outcome"] == "applied" else row["outcome"].replace("_", " "),
            "amount": format_amount(row["amount"], currency) if row["outcome"] == "applied" else "",
            "detail": row["detail"],
            "more": _more(row.get("reason", {})),
            "conditions": [
                {
                    "kind": seen["kind"].replace("_", " "),
                    "needed": humanize(seen["needed"]),
                    "saw": humanize(seen["saw"]),
                    "held": seen["held"],
                }
                for seen in row["conditions"]
            ],
        }
        for row in explained
    ]


def filter_by_brand(quote: Quote, brands: Collection[Any] | None) -> list[dict[str, Any]]:
    """The explanations of these brands' offers, or of all with None; others' are neither told nor named."""
    told = rules.serialize_explanations(quote)
    if brands is None:
        return told
    seen = [quote.candidates[each.ref] for each in quote.decision.explanations]
    others = {name for it in quote.candidates.values() if it.brand_id not in brands for name in (it.code, it.title)}
    return [_anonymize(row, others) for row, it in zip(told, seen, strict=True) if it.brand_id in brands]


def _anonymize(row: dict[str, Any], others: Collection[str]) -> dict[str, Any]:
    rivals = row.get("reason", {}).get("with")
    if not isinstance(rivals, list):
        return row
    named = ["another brand's offer" if name in others else name for name in rivals]
    return row | {"reason": row["reason"] | {"with": named}}


def humanize(value: object) -> str:
    """What a condition needed or saw, without punctuation of data."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items() if each is not None)
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value) or "none"
    return str(value)


def _more(reason: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{name.replace('_', ' ')}: {humanize(each)}" for name, each in reason.items() if name not in HIDDEN
    )
