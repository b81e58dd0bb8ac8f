"""Demo data: live examples of every kind, created once."""

from collections import Counter
from datetime import timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, Membership, User
from backoffice.base.descriptions import describe_offer
from checkout.models import Redemption
from coupons import consistency
from coupons.models import CouponDefinition, CouponRedemption
from discounts.contracts import build_offer_document
from discounts.models import DiscountCode, Usage
from pricing import load_offer
from promoplatform.demo.accounts import PASSWORD
from promoplatform.demo.coupons import COUPONS
from promoplatform.demo.discount_codes import CODES
from promoplatform.demo.promotions import PROMOTIONS
from promotions.admin.offer_form import OfferForm
from promotions.models import Promotion
from redemptions.limits.models import Strategy
from segments.models import Audience, Segment
from segments.services import disable
from vouchers.models import CampaignCounter, Voucher

pytestmark = pytest.mark.django_db
MODELS = (User, DiscountCode, Promotion, CouponDefinition, CouponRedemption, Redemption, Voucher)


def create_demo_data(**options: object) -> str:
    call_command("demo_data", force=True, stdout=(output := StringIO()), **options)
    return output.getvalue()


def test_first_run_creates_brands_accounts_and_live_examples() -> None:
    create_demo_data(shoppers=3)
    at = timezone.now()

    assert set(Brand.objects.values_list("slug", flat=True)) == {"billo", "cake"}
    assert set(Membership.objects.values_list("user__username", "role")) >= {
        ("billo-owner", "owner"),
        ("billo-viewer", "viewer"),
        ("cake-owner", "owner"),
    }
    assert User.objects.filter(username__startswith="shopper").count() == 3
    assert User.objects.get(username="shopper1").check_password("demo-pass-1234")
    assert DiscountCode.objects.filter(decision="published").count() == 5
    assert set(Promotion.objects.values_list("recorded_status", flat=True)) == {"active", "scheduled", "draft"}
    automatic = Audience.objects.filter(source="computed").values_list("segment_type", flat=True)
    assert set(automatic) == {"lapsed_users", "purchase_above_100"}
    counters = CampaignCounter.objects.select_related("campaign")
    issued = {counter.campaign.slug: (counter.issued, counter.quota) for counter in counters}
    assert issued == {"first-top-up": (0, 100), "early-birds": (40, 40)}
    assert {segment.status: segment.members_count for segment in Segment.objects.all()} == {"active": 2, "scheduled": 0}
    active = CouponDefinition.objects.filter(start_date__lte=at, end_date__gt=at, decision="published")
    assert set(active.values_list("limit_strategy", flat=True)) == set(Strategy.values)
    orders = Redemption.objects.filter(brand__slug="billo")
    assert Counter(orders.values_list("status", flat=True)) == {"confirmed": 76, "returned": 4}
    assert orders.filter(created_at__lt=at - timedelta(days=29)).exists()
    assert Usage.objects.filter(code__code="THANKYOU10", redeemed_at__lt=at - timedelta(days=20)).exists()
    direct = CouponRedemption.objects.filter(redemption_id=None, status="confirmed").count()
    assert (direct, CouponRedemption.objects.exclude(redemption_id=None).exists()) == (9, True)
    assert list(consistency.check(at=at, repair=False)) == []


def sign_in(username: str) -> Client:
    """Return a client of the API with the token of a demo account."""
    account = {"account": username, "password": PASSWORD}
    token = Client().post("/api/v1/auth/token/", account, content_type="application/json").json()["access"]
    return Client(headers={"Authorization": f"Bearer {token}"})


def list_examples(slug: str) -> dict[str, dict[str, Any]]:
    """Return the offers that the demo has for a brand, by name."""
    by_code = {
        text: build_offer_document(rule["discount"], rule, None)
        for text, (brand, rule) in CODES.items()
        if brand == slug
    }
    coupons = {
        example.title: {"conditions": example.conditions, "benefits": [example.benefit]}
        for example in COUPONS
        if example.brand == slug
    }
    return by_code | coupons | {example.name: example.offer for example in PROMOTIONS if example.brand == slug}


@pytest.mark.parametrize("slug", ["billo", "cake"])
def test_every_offer_reads_back_from_the_api_and_from_the_form_as_the_demo_wrote_it(slug: str) -> None:
    create_demo_data(shoppers=1)
    client, brand = sign_in(f"{slug}-owner"), Brand.objects.get(slug=slug)

    stored: dict[str, Any] = {}
    for path, name, offer_of in (
        ("promotions/?limit=100", "name", lambda row: row["offer"]),
        ("coupons/?limit=100&status=all", "title", lambda row: row["offer"]),
        ("discountcode/?limit=100", "id", lambda row: row["rule"]["offer"]),
    ):
        rows = client.get(f"/api/v1/{path}").json()["results"]
        stored |= {row[name]: offer_of(row) for row in rows}

    examples = list_examples(slug)
    assert {name: load_offer(stored[name]) for name in examples} == {
        name: load_offer(offer) for name, offer in examples.items()
    }
    assert len(examples) >= 4
    for name, offer in stored.items():
        form = OfferForm(
            QueryDict(urlencode(OfferForm(brand=brand, offer=offer).initial_data(), doseq=True)), brand=brand
        )
        assert form.is_valid(), (name, form.errors)
        assert load_offer(form.document) == load_offer(offer), name
        assert form.description() == describe_offer(load_offer(offer), "EUR"), name


def test_a_new_user_sees_attributes_and_an_offer_that_uses_them() -> None:
    create_demo_data(shoppers=1)
    client = sign_in("billo-owner")
    cart: dict[str, Any] = {
        "currency": "EUR", "codes": [],
        "lines": [{"id": "1", "sku": "bag", "quantity": 1, "unit_price": "10.00", "attributes": {"color": "red"}}],
    }  # fmt: skip
    body = {"cart": cart, "promotions": [], "include_live": True}

    names = [attribute["name"] for attribute in client.get("/api/v1/attributes/").json()["results"]]
    discounts = []
    for tier in ("silver", "gold"):
        cart["customer"] = {"attributes": {"customer_tier": tier}}
        answer = client.post("/api/v1/promotions/simulate/", body, content_type="application/json").json()
        discounts.append(answer["discount_total"])

    assert sorted(names) == ["color", "customer_tier"]
    assert discounts == ["0.00", "1.00"]


def test_second_run_changes_nothing() -> None:
    create_demo_data(shoppers=2)
    before = {model: set(model.objects.values_list("pk", flat=True)) for model in MODELS}

    disable(brand=Brand.objects.get(slug="billo"), segment_type="lapsed_users")
    output = create_demo_data(shoppers=2)

    assert Audience.objects.get(segment_type="lapsed_users").source == "sent"
    assert "0 new shoppers, brands and offers exist already" in output
    assert before == {model: set(model.objects.values_list("pk", flat=True)) for model in before}


def test_changed_examples_do_not_prevent_a_second_run() -> None:
    create_demo_data(shoppers=5)
    Promotion.objects.update(name="renamed")
    CouponDefinition.objects.update(title="renamed")
    Brand.objects.filter(slug="billo").update(slug="renamed")
    for name in ("admin", "billo-owner", "shopper1"):
        User.objects.filter(username=name).update(username=f"renamed-{name}")
    before = {model: set(model.objects.values_list("pk", flat=True)) for model in (Brand, *MODELS)}

    assert "1 new shoppers" in create_demo_data(shoppers=6)

    (created,) = set(User.objects.values_list("pk", flat=True)) - before.pop(User)
    assert User.objects.get(pk=created).username == "shopper6"
    assert before == {model: set(model.objects.values_list("pk", flat=True)) for model in before}


def test_existing_superuser_keeps_the_password() -> None:
    User.objects.create_superuser("Admin", password="another-password")

    create_demo_data(shoppers=1)

    assert User.objects.get(is_superuser=True).check_password("another-password")
    assert Brand.objects.count() == 2


def test_examples_are_created_in_one_transaction(monkeypatch: Any) -> None:
    monkeypatch.setattr("promoplatform.demo.management.commands.demo_data.create_orders", lambda *_, **__: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        create_demo_data(shoppers=1)

    assert not any(model.objects.exists() for model in (Brand, Membership, DiscountCode, Promotion, Voucher))


def test_command_refuses_to_run_without_debug(settings: Any) -> None:
    settings.DEBUG = False

    with pytest.raises(CommandError, match="DEBUG"):
        call_command("demo_data")

    assert not User.objects.exists()
