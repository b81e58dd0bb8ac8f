import pytest
from django.test import Client

from accounts.contracts import Role
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/promotions/promotion/"


@pytest.fixture
def brand():
    return BrandFactory(slug="billo", timezone="Europe/Madrid")


def as_staff(brand, role=Role.OWNER):
    client = Client()
    client.force_login(MembershipFactory(brand=brand, role=role).user)
    return client


def test_a_promotion_reads_as_words_not_as_data(brand):
    offer = {
        "conditions": [{"kind": "min_subtotal", "value": "50.00"}, {"kind": "weekdays", "any": ["mon", "tue"]}],
        "benefits": [{"kind": "percent", "value": "10", "on": "order"}],
    }
    promotion = PromotionFactory(brand=brand, offer=offer, budget=100_000, limit_per_user=2)

    page = as_staff(brand).get(f"{LIST}{promotion.pk}/change/").content.decode()

    for said in (
        "min subtotal: value 50.00",
        "weekdays: any mon, tue",
        "percent: on order, value 10",
        "2 a shopper",
        "€1,000.00",
    ):
        assert said in page, said
    assert "{&#x27;" not in page


def test_promotions_are_switched_off_by_who_may(brand):
    promotion = PromotionFactory(brand=brand)
    data = {"action": "deactivate", "_selected_action": [str(promotion.pk)]}

    as_staff(brand, Role.VIEWER).post(LIST, data)
    as_staff(BrandFactory(slug="cake")).post(LIST, data)
    promotion.refresh_from_db()
    assert promotion.status == "active"

    as_staff(brand, Role.EDITOR).post(LIST, data)
    promotion.refresh_from_db()
    assert promotion.status == "deactivated"


def test_what_cannot_be_activated_is_told_not_an_error(brand):
    ended = PromotionFactory(brand=brand, status="ended")

    answer = as_staff(brand).post(LIST, {"action": "activate", "_selected_action": [str(ended.pk)]}, follow=True)

    assert answer.status_code == 200
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]
