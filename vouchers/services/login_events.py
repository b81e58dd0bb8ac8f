"""First logins that the identity provider tells of, many at once, after they happened.

What arrives together is decided in the order in which it happened; what arrives later comes later, whenever it
happened: a voucher that was given is not taken back.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from google.protobuf.message import DecodeError

from accounts.services import get_or_create_customers
from core.errors import DomainError, InvalidRequest
from vouchers import rules, selectors
from vouchers.contracts import ClaimRequest, LoginEvent, Result
from vouchers.proto.login_event_pb2 import LoginEvent as Message
from vouchers.services.claims import claim_many

MAX_BATCH = 500  # arrivals that one statement decides


def process_events(*, events: Sequence[LoginEvent]) -> Mapping[Result, int]:
    """Let everyone arrive who signed in, first come first served by event time; how often what came of it.

    An event without a campaign counts in each that was open at its time. The same event again, or another of the same
    customer, changes nothing. A campaign that there is not is not open. Customers that were never seen before are made.
    """
    keys = get_or_create_customers(customer_ids={event.customer_id for event in events})
    came: Counter[Result] = Counter()
    for slug, mine in _by_campaign(events).items():
        line = sorted(mine, key=lambda event: event.at)
        arrivals = [ClaimRequest(keys[event.customer_id], event.at, event.id) for event in line]
        for start in range(0, len(arrivals), MAX_BATCH):
            outcomes = claim_many(campaign=slug, arrivals=arrivals[start : start + MAX_BATCH])
            came.update(outcome.result for outcome in outcomes)
    came[Result.NOT_OPEN] += came.pop(Result.UNKNOWN, 0)
    return came


def _by_campaign(events: Sequence[LoginEvent]) -> Mapping[str, list[LoginEvent]]:
    """Who arrives where."""
    found: defaultdict[str, list[LoginEvent]] = defaultdict(list)
    everywhere = [event for event in events if event.campaign is None]
    for event in events:
        if event.campaign is not None:
            found[event.campaign].append(event)
    if everywhere:
        instants = [event.at for event in everywhere]
        for campaign in selectors.open_between(first=min(instants), last=max(instants)):
            window = (event for event in everywhere if campaign.start_date <= event.at < campaign.end_date)
            found[campaign.slug].extend(window)
    return found


def process_messages(values: Sequence[bytes], *, now: datetime) -> list[DomainError | None]:
    """The same for ``LoginEvent`` messages; for each the refusal of one that is bad, or None."""
    events: list[LoginEvent] = []
    refusals: list[DomainError | None] = []
    for value in values:
        try:
            events.append(_event(value, now))
        except DomainError as refusal:
            refusals.append(refusal)
        else:
            refusals.append(None)
    process_events(events=events)
    return refusals


def _event(value: bytes, now: datetime) -> LoginEvent:
    try:
        message = Message.FromString(value)
        at = message.at.ToDatetime(UTC) if message.HasField("at") else None
    except (DecodeError, ValueError, OverflowError) as error:
        raise InvalidRequest("This is not a LoginEvent.") from error
    event = LoginEvent(message.event_id, message.customer_id, at or now, message.campaign or None)
    rules.check_event(event, now=now, timed=at is not None)
    return event
