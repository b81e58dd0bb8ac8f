"""Fixtures of mailings and a fake mail provider."""

from collections import Counter
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
    """A fake SendGrid, which the platform sends through."""
    with SendGrid() as fake:
        settings.EMAIL_BACKEND = "mailings.sendgrid.SendGridBackend"
        settings.SENDGRID_API_KEY, settings.SENDGRID_URL = API_KEY, fake.url
        settings.DEFAULT_FROM_EMAIL = "promoplatform <promotions@example.com>"
        yield fake


@pytest.fixture
def mailing(transactional_db: None, at: datetime) -> Callable[..., Mailing]:
    """A function that plans a mailing to a number of recipients, or to addresses."""

    def plan(
        count: int = 0, *, addresses: list[str] | None = None, key: str = "news", kind: str = "news", **fields: Any
    ) -> Mailing:
        mailing = planning.plan_mailing(
            key=key,
            mail_type=f"tests.mailings.kinds.{kind}",
            **{"marketing": True, "sender": "b1", "sender_name": "Billo", **fields},
        )
        addresses = addresses or [f"shopper{n}@example.com" for n in range(1, count + 1)]
        recipients = [Recipient(n, address, f"Shopper {n}") for n, address in enumerate(addresses, 1)]
        planning.add_recipients(mailing=mailing, recipients=recipients, at=at)
        planning.finish_planning(mailing=mailing)
        return mailing

    return plan


@pytest.fixture
def count_by_status() -> Callable[[], dict[str, int]]:
    """A function that returns the number of mails by status."""

    def count() -> dict[str, int]:
        return dict(Counter(Mail.objects.values_list("status", flat=True)))

    return count
