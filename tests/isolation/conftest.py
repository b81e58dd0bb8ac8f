"""Two brands, their people and servers, and what the first of them owns."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand, Invitation, User
from accounts.services import tokens_for
from coupons.services import CodesSpec, add_codes
from discounts.models import Usage
from promotions import services
from promotions.models import Promotion
from segments.services import apply_audience, schedule
from tests.factories import (
    ApiKeyFactory,
    BrandFactory,
    CouponFactory,
    DiscountCodeFactory,
    MembershipFactory,
    ShopperFactory,
)


@dataclass(frozen=True)
class World:
    """Callers by name, and what is billo's: names of its objects, and texts that nobody else may read."""

    clients: dict[str, Client]
    things: dict[str, str]
    secrets: list[str]

    def fill(self, value: Any) -> Any:
        """The value with the names of things replaced by what they are."""
        if isinstance(value, dict):
            return {name: self.fill(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        if isinstance(value, str) and value.startswith("<"):
            return self.things[value[1:-1]]
        return value

    def path(self, route: str, ids: dict[str, str], *, absent: bool = False) -> str:
        """The address of one of billo's objects, or of one that there is not."""
        path = f"/{route}"
        for name, thing in ids.items():
            converter = next(part for part in ("uuid", "slug", "str") if f"<{part}:{name}>" in path)
            nowhere = str(uuid.uuid4()) if converter == "uuid" else "nosuch"
            path = path.replace(f"<{converter}:{name}>", nowhere if absent else self.fill(thing))
        return path

    def call(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """What a caller gets."""
        kind = "text/csv" if isinstance(body, str) else "application/json"
        data = {} if method == "GET" else {"data": self.fill(body or {}), "content_type": kind}
        return getattr(self.clients[who], method.lower())(path, headers=headers, **data)

    def leaks(self, response: Any) -> list[str]:
        """What of billo's stands in an answer's body or headers."""
        said = response.content.decode() + str(dict(response.headers))
        return [secret for secret in self.secrets if secret in said]


def _post(client: Client, path: str, body: dict[str, Any]) -> Any:
    response = client.post(path, body, content_type="application/json")
    assert response.status_code in {200, 201, 202}, response.content
    return response.json()


@pytest.fixture
def world(shopper_client: Callable[[User], Client], brand_client: Callable[[Brand], Client], settings: Any) -> World:
    """Billo, which owns something of every kind, and cake, which owns nothing."""
    settings.THROTTLES = dict.fromkeys(settings.THROTTLES, "1000000/minute")
    billo, cake = BrandFactory(slug="billo"), BrandFactory(slug="cake")
    people = {role: MembershipFactory(brand=billo, role=role).user for role in Role}
    user = ShopperFactory()
    key, revoked = ApiKeyFactory(brand=billo), ApiKeyFactory(brand=billo, revoked_at=timezone.now())
    an_hour_ago = timezone.now() - timedelta(hours=1)
    expired = tokens_for(user=people[Role.OWNER], at=an_hour_ago).access
    clients = {
        "owner": shopper_client(people[Role.OWNER]), "viewer": shopper_client(people[Role.VIEWER]), "server": brand_client(billo),
        "internal": Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(internal=True).text}"}),
        "shopper": shopper_client(user), "anonymous": Client(), "other owner": shopper_client(MembershipFactory(brand=cake).user),
        "other server": brand_client(cake), "other shopper": shopper_client(ShopperFactory()),
        "revoked key": Client(headers={"Authorization": f"Api-Key {revoked.text}"}),
        "expired token": Client(headers={"Authorization": f"Bearer {expired}"}),
    }  # fmt: skip
    things = _things(billo, user, clients) | {
        "viewer": str(people[Role.VIEWER].uuid), "editor": str(people[Role.EDITOR].uuid), "spare key": str(key.pk),
    }  # fmt: skip
    named = ["redemption", "paid", "usage", "invitation", "promotion", "spare key", "customer", "user", "code"]
    named += ["coded promotion", "batch", "assignment", "segment", "voucher"]
    named += ["coupon", "coupon batch", "held", "redeemed"]
    secrets = [things[name] for name in named] + [
        "CODE-OF-BILLO",
        "ORDER-OF-BILLO",
        "SALE-OF-BILLO",
        "COUPON-OF-BILLO",
        "invited@example.com",
        key.prefix,
    ]
    return World(clients, things, secrets + [person.email for person in people.values()])


def _things(billo: Brand, user: User, clients: dict[str, Client]) -> dict[str, str]:
    for text in ("SECRET", "TAKEN", "OPEN"):
        DiscountCodeFactory(text=text, brand=billo, notify=text == "OPEN")
    customer = user.customer.customer_id
    cart = {
        "currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00"}],
        "customer_id": customer,
    }  # fmt: skip
    redemptions = "/api/v1/checkout/redemptions/"
    redemption = _post(clients["server"], redemptions, cart | {"order": "ORDER-OF-BILLO"})
    paid = _post(clients["server"], redemptions, cart | {"order": "ORDER-OF-BILLO-2", "codes": ["SECRET"]})
    _post(clients["server"], f"{redemptions}{paid['id']}/confirm/", {})
    _post(clients["shopper"], "/api/v1/discountcodeusage/", {"discount_code": "TAKEN"})
    sale = {
        "name": "SALE-OF-BILLO", "start_date": "2098-01-01", "end_date": "2098-02-01", "trigger": "automatic",
        "status": "draft", "offer": {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]},
    }  # fmt: skip
    promotion = _post(clients["server"], "/api/v1/promotions/", sale)
    coded = _post(clients["server"], "/api/v1/promotions/", sale | {"trigger": "code"})
    batch = services.create_batch(
        promotion=Promotion.objects.get(pk=coded["id"]), count=20, pattern="CODE-OF-BILLO-########"
    )
    services.generate_codes(batch_id=batch.pk)
    batch.refresh_from_db()
    apply_audience(brand=billo, segment_type="friends", operation="add", customer_ids=[customer])
    assignment = services.assign_to_audience(batch=batch, segment_type="friends", notify=False)
    now, later = timezone.now(), timezone.now() + timedelta(days=1)
    segment = schedule(brand=billo, segment_type="friends", start_date=now, end_date=later, at=now)
    campaign = {
        "name": "Spring", "slug": "spring", "start_date": "2026-01-01T00:00:00Z", "end_date": "2098-01-01T00:00:00Z",
    }  # fmt: skip
    _post(clients["server"], "/api/v1/campaigns/", campaign)
    won = _post(clients["shopper"], "/api/v1/campaigns/spring/first-login/", {})
    invitation = Invitation.objects.create(brand=billo, email="invited@example.com", role=Role.VIEWER, expires_at=later)
    return {
        "slug": "billo", "customer": customer, "user": str(user.uuid), "code": "SECRET", "open code": "OPEN",
        "redemption": redemption["id"], "paid": paid["id"], "invitation": str(invitation.pk),
        "coded promotion": coded["id"], "batch": str(batch.pk), "assignment": str(assignment.pk),
        "audience": "friends", "segment": str(segment.pk), "promotion": promotion["id"],
        "campaign": "spring", "voucher": won["voucher"]["id"],
        "usage": str(Usage.objects.get(code__code="TAKEN").id),
    } | _coupons(billo, clients["shopper"])  # fmt: skip


def _coupons(billo: Brand, shopper: Client) -> dict[str, str]:
    """A coupon that anyone may redeem, and one that is withdrawn, with a code of everyone and codes good once."""
    public = CouponFactory(brand=billo)
    coupon = CouponFactory(brand=billo, text="COUPON-OF-BILLO", is_active=False)
    held = _post(shopper, f"/api/v1/coupons/{public.pk}/reservations/", {})
    redeemed = _post(shopper, f"/api/v1/coupons/{public.pk}/redemptions/", {})
    batch = add_codes(coupon=coupon, codes=CodesSpec(count=3))
    return {
        "open coupon": str(public.pk), "coupon": str(coupon.pk), "coupon batch": str(batch.pk),
        "held": held["coupon_redemption_id"], "redeemed": redeemed["coupon_redemption_id"],
    }  # fmt: skip
