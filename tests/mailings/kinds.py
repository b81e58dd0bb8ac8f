"""Mail types of the tests."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mailings.contracts import NAME_HTML_TAG, NAME_TAG, UNSUBSCRIBE_TAG, ClaimedMail, Content, MailType


def build(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    return Content(
        subject=f"News for {NAME_TAG}",
        text=f"Hello {NAME_TAG}: {UNSUBSCRIBE_TAG}",
        html=f"<p>Hello <b>{NAME_HTML_TAG}</b></p>",
        from_name="Billo",
    )


def build_nothing(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    return None


def build_badly(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    raise LookupError("the code is gone")


def even_ones(*, sender: str, mails: Sequence[ClaimedMail]) -> dict[int, str]:
    return {mail.id: "" for mail in mails if mail.recipient % 2 == 0}


news = MailType(build, label="News")
nothing = MailType(build_nothing)
broken = MailType(build_badly)
for_even_ones = MailType(build, even_ones)
