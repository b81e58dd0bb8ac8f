"""First logins that the identity provider reports afterwards, many at once.

Events of one request are processed in the order of their times. Later requests come later, whatever their times: a
voucher that was issued is not taken back.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from django.utils.translation import gettext as _
from google.protobuf.message import DecodeError

from accounts.services import get_or_create_customers
from core.errors import DomainError, InvalidRequest
from vouchers import rules, selectors
from vouchers.contracts import ClaimRequest, LoginEvent, Result
from vouchers.proto.login_event_pb2 import LoginEvent as LoginEventMessage
from vouchers.services.claims import claim_many

MAX_BATCH = 500  # claims per statement


def process_events(
    *, events: Sequence[LoginEvent], brand_ids: Collection[uuid.UUID] | None = None
) -> Mapping[Result, int]:  # fmt: skip
    """Claim vouchers for the customers of login events, in the order of the events' times. Return counts by result.

    An event without a campaign counts in each campaign that was active at its time. A repeated event, or a second one
    of the customer, changes nothing. An unknown campaign counts as not active, and so does one of a brand that isn't
    among ``brand_ids`` (None for all brands). Unknown customers are created.
    """
    keys = get_or_create_customers(customer_ids={event.customer_id for event in events})
    counts: Counter[Result] = Counter()
    for slug, campaign_events in _by_campaign(events, brand_ids).items():
        ordered = sorted(campaign_events, key=lambda event: event.at)
        requests = [ClaimRequest(keys[event.customer_id], event.at, event.id) for event in ordered]
        for start in range(0, len(requests), MAX_BATCH):
            results = claim_many(campaign=slug, requests=requests[start : start + MAX_BATCH])
            counts.update(result.result for result in results)
    counts[Result.NOT_OPEN] += counts.pop(Result.UNKNOWN, 0)
    return counts


def _by_campaign(
    events: Sequence[LoginEvent], brand_ids: Collection[uuid.UUID] | None
) -> Mapping[str, list[LoginEvent]]:  # fmt: skip
    """Return the events by the slugs of the campaigns that they count in, an empty one for those of other brands."""
    by_slug: defaultdict[str, list[LoginEvent]] = defaultdict(list)
    for_all_campaigns = [event for event in events if event.campaign is None]
    for event in events:
        if event.campaign is not None:
            by_slug[event.campaign].append(event)
    if brand_ids is not None:
        for slug in by_slug.keys() - selectors.list_slugs(slugs=by_slug.keys(), brand_ids=brand_ids):
            by_slug[""] += by_slug.pop(slug)
    if for_all_campaigns:
        times = [event.at for event in for_all_campaigns]
        for campaign in selectors.list_open_between(first=min(times), last=max(times), brand_ids=brand_ids):
            by_slug[campaign.slug].extend(
                event for event in for_all_campaigns if campaign.start_date <= event.at < campaign.end_date
            )
    return by_slug


def process_messages(values: Sequence[bytes], *, now: datetime) -> list[DomainError | None]:
    """Process encoded ``LoginEvent`` messages. Return the error of each invalid message, None for each valid one."""
    events: list[LoginEvent] = []
    errors: list[DomainError | None] = []
    for value in values:
        try:
            events.append(_parse_message(value, now))
        except DomainError as error:
            errors.append(error)
        else:
            errors.append(None)
    process_events(events=events)
    return errors


def _parse_message(value: bytes, now: datetime) -> LoginEvent:
    try:
        message = LoginEventMessage.FromString(value)
        at = message.at.ToDatetime(UTC) if message.HasField("at") else None
    except (DecodeError, ValueError, OverflowError) as error:
        raise InvalidRequest(_("The message is not a valid LoginEvent.")) from error
    event = LoginEvent(message.event_id, message.customer_id, at or now, message.campaign or None)
    rules.check_event(event, now=now, has_valid_time=at is not None)
    return event
