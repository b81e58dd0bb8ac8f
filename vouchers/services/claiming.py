"""The first so many who sign in get a voucher: decided by one statement, whoever asks and however many at once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from promoplatform.kernel import db
from promoplatform.kernel.errors import NotFound
from promoplatform.kernel.ids import uuid7
from vouchers import rules, selectors
from vouchers.contracts import Arrival, Outcome, Result


def claim(*, campaign: str, customer_key: int, at: datetime) -> Outcome:
    """What the campaign of this slug has for a customer who signs in. Raises NotFound for a slug that there is not."""
    (outcome,) = claim_many(campaign=campaign, arrivals=[Arrival(customer_key, at)])
    return outcome


def claim_many(*, campaign: str, arrivals: Sequence[Arrival]) -> list[Outcome]:
    """What the campaign has for each of those who arrive, first come first served, in their order.

    First logins, counter, vouchers and the mails that tell of them are one statement: all of it stands once this
    returns, and nothing of it if anything dies before. Asking again answers the same voucher again. Raises NotFound.
    """
    rows = db.many(
        "vouchers/sql/claim_vouchers.sql",
        {
            "campaign": campaign,
            "customers": [arrival.customer_key for arrival in arrivals],
            "instants": [arrival.at for arrival in arrivals],
            "ids": [uuid7() for _ in arrivals],
        },
    )
    if arrivals and not rows:
        raise NotFound
    return _seen_again(rows, [rules.outcome(row) for row in rows], arrivals)


def _seen_again(rows: list[db.Row], outcomes: list[Outcome], arrivals: Sequence[Arrival]) -> list[Outcome]:
    """Whose first login another statement wrote while this one ran: their voucher is there to be seen only now."""
    late = [place for place, row in enumerate(rows) if outcomes[place].result is Result.ALREADY and not row["is_known"]]
    if not late:
        return outcomes
    keys = [arrivals[place].customer_key for place in late]
    had = selectors.had(campaign_id=rows[0]["campaign_id"], customer_keys=keys, at=arrivals[late[0]].at)
    for place in late:
        outcomes[place] = replace(outcomes[place], voucher=had.get(arrivals[place].customer_key))
    return outcomes
