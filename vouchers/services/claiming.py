"""The first so many who sign in get a voucher: decided by one statement, whoever asks and however many at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promoplatform.kernel import batching, db
from promoplatform.kernel.errors import NotFound
from vouchers import rules, selectors
from vouchers.contracts import Arrival, Outcome, Result


@dataclass(frozen=True, slots=True)
class _Ask:
    """An arrival at the campaign of a slug."""

    campaign: str
    arrival: Arrival


def claim(*, campaign: str, customer_key: int, at: datetime) -> Outcome:
    """What the campaign of this slug has for a customer who signs in; many at once share a statement.

    Raises NotFound for a slug that there is not, and Unavailable when too many wait.
    """
    outcome = _claims.submit(_Ask(campaign, Arrival(customer_key, at)), key=campaign)
    if outcome.result is Result.UNKNOWN:
        raise NotFound
    return outcome


def claim_many(*, campaign: str, arrivals: Sequence[Arrival]) -> list[Outcome]:
    """What the campaign has for each of those who arrive, first come first served, in their order.

    First logins, counter, vouchers and the mails that tell of them are one statement: all of it stands once this
    returns, and nothing of it if anything dies before. Asking again answers the same voucher again.
    """
    rows = db.many(
        "vouchers/sql/claim_vouchers.sql",
        {
            "campaign": campaign,
            "customers": [arrival.customer_key for arrival in arrivals],
            "instants": [arrival.at for arrival in arrivals],
            "events": [arrival.event for arrival in arrivals],
            "ids": [arrival.voucher_id for arrival in arrivals],
        },
    )
    if not rows:
        return [Outcome(Result.UNKNOWN) for _ in arrivals]
    return _seen_again(rows, arrivals)


def _seen_again(rows: list[db.Row], arrivals: Sequence[Arrival]) -> list[Outcome]:
    """The outcomes. Whose first login another statement wrote meanwhile has a voucher that is seen only now."""
    outcomes = [rules.outcome(row) for row in rows]
    late = [n for n, row in enumerate(rows) if outcomes[n].result is Result.ALREADY and not row["is_known"]]
    if late:
        keys = [arrivals[n].customer_key for n in late]
        had = selectors.had(campaign_id=rows[0]["campaign_id"], customer_keys=keys, at=arrivals[late[0]].at)
        for n in late:
            outcomes[n] = replace(outcomes[n], voucher=had.get(arrivals[n].customer_key))
    return outcomes


def _claim(asks: Sequence[_Ask]) -> list[Outcome]:
    return claim_many(campaign=asks[0].campaign, arrivals=[ask.arrival for ask in asks])


_claims = batching.Operation("vouchers.claim", _claim, repeatable=True)
