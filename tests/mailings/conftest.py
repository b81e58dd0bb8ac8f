"""Mailings to send, and a provider to send them to."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from mailings.contracts import Recipient
from mailings.models import Mail, Mailing
from mailings.services import planning
from tests.fakes.sendgrid import API_KEY, SendGrid


@pytest.fixture
def sendgrid(settings: Any) -> Iterator[SendGrid]:
    """SendGrid's stand-in, and a platform that sends through it."""
    with SendGrid() as standin:
        settings.EMAIL_BACKEND = "mailings.sendgrid.SendGridBackend"
        settings.SENDGRID_API_KEY, settings.SENDGRID_URL, settings.SENDGRID_TIMEOUT = API_KEY, standin.url, 2.0
        settings.DEFAULT_FROM_EMAIL = "promoplatform <promotions@example.com>"
        yield standin


@pytest.fixture
def mailing(transactional_db: None, at: datetime) -> Callable[..., Mailing]:
    """Plans a mailing to so many recipients, or to these addresses."""

    def plan(
        count: int = 0, *, addresses: list[str] | None = None, key: str = "news", kind: str = "news", **fields: Any
    ) -> Mailing:
        made = planning.plan_mailing(
            key=key,
            mail_type=f"tests.mailings.kinds.{kind}",
            **{"marketing": True, "sender": "b1", "sender_name": "Billo", **fields},
        )
        addresses = addresses or [f"shopper{n}@example.com" for n in range(1, count + 1)]
        recipients = [Recipient(n, address, f"Shopper {n}") for n, address in enumerate(addresses, 1)]
        planning.add_recipients(mailing=made, recipients=recipients, at=at)
        planning.finish_planning(mailing=made)
        return made

    return plan


@pytest.fixture
def states() -> Callable[[], dict[str, int]]:
    """How many mails are in each state."""

    def count() -> dict[str, int]:
        found: dict[str, int] = {}
        for state in Mail.objects.values_list("status", flat=True):
            found[state] = found.get(state, 0) + 1
        return found

    return count
