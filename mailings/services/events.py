"""Events of the mail provider: bounces, complaints, unsubscriptions and deliveries."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce, Now

from core import db
from mailings import rules
from mailings.contracts import MailStatus
from mailings.errors import WebhookSignatureInvalid
from mailings.models import Mail, ProcessedEvent
from mailings.services.unsubscriptions import suppress_addresses

Event = dict[str, Any]
TOLERANCE = timedelta(hours=25)  # the provider repeats events for a day; repetitions are recognized by their IDs
RETENTION = timedelta(days=30)


def check_signature(*, body: bytes, signature: str, timestamp: str, at: datetime) -> None:
    """Check the provider's signature (ECDSA over timestamp and raw body). Raises WebhookSignatureInvalid."""
    if not (
        settings.SENDGRID_WEBHOOK_PUBLIC_KEY and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    ):
        raise WebhookSignatureInvalid
    if abs(at.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise WebhookSignatureInvalid
    try:
        key = load_der_public_key(base64.b64decode(settings.SENDGRID_WEBHOOK_PUBLIC_KEY))
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise WebhookSignatureInvalid
        key.verify(base64.b64decode(signature, validate=True), timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, binascii.Error, ValueError) as error:
        raise WebhookSignatureInvalid from error


@transaction.atomic
def process_events(*, events: Sequence[Event]) -> int:
    """Process new events in any order and return their number. A repeated event has no effect."""
    delivered = [event for event in events if event.get("event") in rules.DELIVERING]
    _mails_of_events(delivered).filter(status=MailStatus.UNKNOWN).update(
        status=MailStatus.SENT, sent_at=Coalesce("sent_at", Now()), error=""
    )
    relevant = {
        _id(event): event for event in events if event.get("event") in rules.FAILING or rules.suppression_for(event)
    }
    relevant.pop("", None)
    new_events = [
        relevant[row["id"]] for row in db.fetch_all("mailings/sql/insert_new_events.sql", {"ids": sorted(relevant)})
    ]
    for event in new_events:
        if event["event"] in rules.FAILING:
            _mails_of_events([event]).exclude(status=MailStatus.PLANNED).update(
                status=MailStatus.FAILED, error=_error_text(event)
            )
    _suppress(new_events)
    return len(new_events)


def purge_events(*, at: datetime) -> int:
    """Delete events that the provider can no longer repeat, and return their number."""
    return ProcessedEvent.objects.filter(seen_at__lt=at - RETENTION).delete()[0]


def _suppress(events: Sequence[Event]) -> None:
    senders = dict(_mails_of_events(events).values_list("pk", "mailing__sender"))
    suppressions = []
    for event in events:
        address, suppression = event.get("email"), rules.suppression_for(event)
        if suppression and _is_storable(address, 254):
            reason, is_global = suppression
            sender = "" if is_global else senders.get(_mail_id(event) or 0, "")
            suppressions.append((address, sender, reason, _error_text(event)))
    suppress_addresses(suppressions=sorted(suppressions))


def _mails_of_events(events: Sequence[Event]) -> QuerySet[Mail]:
    """Return the emails of the events, by the ID that each was sent with."""
    return Mail.objects.filter(pk__in=[mail_id for event in events if (mail_id := _mail_id(event))])


def _mail_id(event: Event) -> int | None:
    value = event.get("mail_id")
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18 else None


def _id(event: Event) -> str:
    value = event.get("sg_event_id")
    return value if _is_storable(value, 200) else ""


def _is_storable(value: Any, length: int) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= length and value == _strip_nul(value)


def _error_text(event: Event) -> str:
    return _strip_nul(f"{event['event']}: {event.get('reason') or event.get('response') or ''}")[:500]


def _strip_nul(text: str) -> str:
    """Return the text without what PostgreSQL cannot store: NUL and lone surrogates."""
    return text.encode(errors="replace").decode().replace("\0", "")
