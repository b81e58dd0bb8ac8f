"""The status of an offer follows from decision, dates and time, in Python and in SQL alike."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from promotions.models import Promotion
from redemptions.errors import InvalidStatus
from redemptions.lifecycle import ALLOWED, DECISIONS, UNCHANGED, Action, decide, derive_status, status_condition
from redemptions.statuses import OfferDecision, OfferStatus
from tests.factories import PromotionFactory

START = datetime(2027, 3, 1, tzinfo=UTC)
END = datetime(2027, 4, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("decision", "at", "status"),
    [
        ("published", START - MOMENT, "scheduled"),
        ("published", START, "active"),
        ("published", END - MOMENT, "active"),
        ("published", END, "ended"),
        ("paused", START - MOMENT, "paused"),
        ("paused", START, "paused"),
        ("paused", END, "ended"),
        ("draft", START, "draft"),
        ("draft", END, "draft"),
        ("ended", START - MOMENT, "ended"),
        ("archived", START, "archived"),
    ],
)
def test_the_status_follows_from_decision_and_dates(decision: str, at: datetime, status: str) -> None:
    assert derive_status(decision=decision, start=START, end=END, at=at) == status


class SqlCondition(TestCase):
    """Conditions and the function of the database derive the same status."""

    @settings(max_examples=60, deadline=None)
    @given(
        st.sampled_from(OfferDecision),
        st.sampled_from([-2, -1, 0, 1]),
        st.sampled_from([1, 2]),
        st.sampled_from([0, 1, -1]),
    )
    def test_every_offer_meets_the_condition_of_its_status_only(
        self, decision: OfferDecision, start: int, days: int, offset: int
    ) -> None:
        at = START + offset * MOMENT
        start_date = START + timedelta(days=start)
        promotion = PromotionFactory(
            decision=decision, start_date=start_date, end_date=start_date + timedelta(days=days)
        )

        met = [status for status in OfferStatus if Promotion.objects.filter(status_condition(status, at)).exists()]
        dates = (promotion.start_date, promotion.end_date)
        with connection.cursor() as cursor:
            cursor.execute("SELECT offer_status(%s, %s, %s, %s)", [decision.value, *dates, at])
            row = cursor.fetchone()

        assert met == [promotion.status_at(at)]
        assert row == (promotion.status_at(at).value,)
        Promotion.objects.all().delete()


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("status", list(OfferStatus))
def test_an_action_leads_to_its_decision_or_is_rejected(action: Action, status: OfferStatus) -> None:
    if status in ALLOWED[action]:
        assert decide(action, status=status) == DECISIONS[action]
    elif status in UNCHANGED[action]:
        assert decide(action, status=status) is None
    else:
        with pytest.raises(InvalidStatus) as raised:
            decide(action, status=status)
        assert raised.value.as_dict()["current_status"] == status


def test_no_action_leads_back_from_archived() -> None:
    changing = [action for action in Action if OfferStatus.ARCHIVED in ALLOWED[action]]

    assert changing == []
