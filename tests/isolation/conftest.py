"""Fixtures: two brands with their users and servers, and objects of the first brand."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client, override_settings
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts.contracts import Role
from accounts.models import Brand, Invitation, User
from accounts.services import create_grant, tokens_for
from coupons.services import CodesSpec, add_codes
from discounts.models import DiscountCode, Usage
from promotions.models import Attribute, Promotion
from redemptions.codes import services
from redemptions.codes.models import Code
from redemptions.events.models import Event
from segments.services import apply_audience, schedule
from tests.code_batches import create_batch
from tests.conftest import methods_of
from tests.databases import delete_rows, is_superuser
from tests.factories import (
    ApiKeyFactory,
    BrandFactory,
    CouponFactory,
    DiscountCodeFactory,
    MembershipFactory,
    ShopperFactory,
    UserFactory,
)


@dataclass(frozen=True)
class World:
    """Callers by name, IDs of Billo's objects by name, texts that nobody else may read, and the users among callers."""

    clients: dict[str, Client]
    ids: dict[str, str]
    secrets: list[str]
    users: dict[str, User] = field(default_factory=dict)

    def fill(self, value: Any) -> Any:
        """Return the value with the names of objects, in angle brackets, replaced by their IDs."""
        if isinstance(value, dict):
            return {name: self.fill(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        if isinstance(value, str) and value.startswith("<"):
            return self.ids[value[1:-1]]
        return value

    def path(self, route: str, parameters: dict[str, str], *, missing: bool = False) -> str:
        """Return the URL of one of Billo's objects, or of a missing object."""
        path = f"/{route}"
        for name, value in parameters.items():
            converter = next(part for part in ("uuid", "slug", "str", "path") if f"<{part}:{name}>" in path)
            missing_id = str(uuid.uuid4()) if converter == "uuid" else "nosuch"
            path = path.replace(f"<{converter}:{name}>", missing_id if missing else self.fill(value))
        return path

    def call(self, caller: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request as a caller and return the response."""
        content_type = "text/csv" if isinstance(body, str) else "application/json"
        data = {} if method == "GET" else {"data": self.fill(body or {}), "content_type": content_type}
        return getattr(self.clients[caller], method.lower())(path, headers=headers, **data)

    def leaks(self, response: Any) -> list[str]:
        """Return Billo's secrets in the body or the headers of a response."""
        text = response.getvalue().decode() + str(dict(response.headers))
        return [secret for secret in self.secrets if secret in text]


def _post(client: Client, path: str, body: dict[str, Any]) -> Any:
    response = client.post(path, body, content_type="application/json")
    assert response.status_code in {200, 201, 202}, response.content
    return response.json()


UNTHROTTLED = dict.fromkeys(settings.THROTTLES, "1000000/minute")


@pytest.fixture
def world(settings: Any) -> World:
    """Billo, which has an object of every kind, and Cake, which has none."""
    settings.THROTTLES = UNTHROTTLED
    return create_world()


@pytest.fixture
def shared_world(module_world: World, settings: Any) -> World:
    """The same, created once for a module that has no other objects. Each test is rolled back to it, and signs in."""
    settings.THROTTLES = UNTHROTTLED
    return replace(module_world, clients=module_world.clients | _sign_in_all(module_world.users))


@pytest.fixture(scope="module")
def module_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """The objects of a module.

    Rows are committed, as an open transaction of minutes would hold back the readers of events of every database.
    """
    with override_settings(THROTTLES=UNTHROTTLED), django_db_blocker.unblock():
        try:
            yield create_world()
        finally:
            if is_superuser():
                delete_rows()
            else:
                call_command("flush", verbosity=0, interactive=False)


def _sign_in(user: User) -> Client:
    return Client(
        headers={"Authorization": f"Bearer {tokens_for(user=user, at=timezone.now(), methods=methods_of(user)).access}"}
    )


def _sign_in_all(users: dict[str, User]) -> dict[str, Client]:
    return {name: _sign_in(user) for name, user in users.items()}


def _use_key(**fields: Any) -> Client:
    return Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(**fields).text}"})


def create_world() -> World:
    billo, cake = BrandFactory(slug="billo"), BrandFactory(slug="cake")
    staff = {role: MembershipFactory(brand=billo, role=role).user for role in Role}
    user = ShopperFactory()
    key, revoked = ApiKeyFactory(brand=billo), ApiKeyFactory(brand=billo, revoked_at=timezone.now())
    past = timezone.now() - timedelta(hours=1)
    expired = tokens_for(user=staff[Role.OWNER], at=past).access
    users = {
        "owner": staff[Role.OWNER], "viewer": staff[Role.VIEWER], "shopper": user,
        "platform admin": UserFactory(is_superuser=True), "other owner": MembershipFactory(brand=cake).user,
        "other shopper": ShopperFactory(),
    }  # fmt: skip
    clients = _sign_in_all(users) | {
        "server": _use_key(brand=billo),
        "internal": _use_key(internal=True),
        "marketplace": _use_key(platform=True),
        "anonymous": Client(),
        "other server": _use_key(brand=cake),
        "revoked key": Client(headers={"Authorization": f"Api-Key {revoked.text}"}),
        "expired token": Client(headers={"Authorization": f"Bearer {expired}"}),
    }
    ids = _create_objects(billo, user, clients) | {
        "viewer": str(staff[Role.VIEWER].uuid), "editor": str(staff[Role.EDITOR].uuid), "spare key": str(key.pk),
    }  # fmt: skip
    secret_names = ["redemption", "paid", "usage", "invitation", "promotion", "spare key", "customer", "user", "code"]
    secret_names += ["coded promotion", "running promotion", "batch", "assignment", "segment", "voucher", "event"]
    secret_names += ["grant", "coupon", "coupon batch", "coupon assignment", "reserved", "redeemed", "single code"]
    secret_names += ["code batch", "code assignment"]
    secret_names += ["attribute", "erasure"]
    secrets = [ids[name] for name in secret_names] + [
        "CODE-OF-BILLO",
        "ORDER-OF-BILLO",
        "SALE-OF-BILLO",
        "COUPON-OF-BILLO",
        "invited@example.com",
        "customer-of-billo@example.com",
        key.prefix,
    ]
    return World(clients, ids, secrets + [user.email for user in staff.values()], users)


def _create_objects(billo: Brand, user: User, clients: dict[str, Client]) -> dict[str, str]:
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
    running = _post(clients["server"], "/api/v1/promotions/", sale | {"status": "scheduled"})
    coded = _post(clients["server"], "/api/v1/promotions/", sale | {"trigger": "code"})
    batch = create_batch(Promotion.objects.get(pk=coded["id"]), count=20, pattern="CODE-OF-BILLO-########")
    services.generate_codes(batch_id=batch.pk)
    batch.refresh_from_db()
    apply_audience(brand=billo, segment_type="friends", operation="add", customer_ids=[customer])
    assignment = services.assign_to_audience(batch=batch, segment_type="friends", notify=False, at=timezone.now())
    now, later = timezone.now(), timezone.now() + timedelta(days=1)
    segment = schedule(brand=billo, segment_type="friends", start_date=now, end_date=later, at=now)
    described = {"email": "customer-of-billo@example.com", "name": "Customer of Billo"}
    clients["server"].put(f"/api/v1/customers/{customer}/", described, content_type="application/json")
    clients["server"].put("/api/v1/customers/leaving/", described, content_type="application/json")
    erasure = _post(clients["server"], "/api/v1/customers/leaving/erase/", {})
    campaign = {
        "name": "Spring", "slug": "spring", "start_date": "2026-01-01T00:00:00Z", "end_date": "2098-01-01T00:00:00Z",
    }  # fmt: skip
    _post(clients["server"], "/api/v1/campaigns/", campaign)
    claim = _post(clients["shopper"], "/api/v1/campaigns/spring/first-login/", {})
    grant = create_grant(issuer=billo, acceptor=BrandFactory(slug="tea"), kinds=["coupon"], at=timezone.now())
    attribute = Attribute.objects.create(brand=billo, name="secret_of_billo", type="string")
    invitation = Invitation.objects.create(brand=billo, email="invited@example.com", role=Role.VIEWER, expires_at=later)
    return {
        "slug": "billo", "customer": customer, "user": str(user.uuid), "code": "SECRET", "open code": "OPEN",
        "redemption": redemption["id"], "paid": paid["id"], "invitation": str(invitation.pk), "grant": str(grant.pk),
        "attribute": str(attribute.pk),
        "coded promotion": coded["id"], "batch": str(batch.pk), "assignment": str(assignment.pk),
        "single code": Code.objects.filter(batch=batch)[0].text,
        "audience": "friends", "segment": str(segment.pk), "promotion": promotion["id"],
        "running promotion": running["id"], "erasure": erasure["id"],
        "campaign": "spring", "voucher": claim["voucher"]["id"],
        "usage": str(Usage.objects.get(code__code="TAKEN").id),
        "event": str(Event.objects.get(code="TAKEN").pk),
    } | _coupons(billo, clients["shopper"]) | _single_use_codes(DiscountCode.objects.get(code="SECRET"))  # fmt: skip


def _single_use_codes(offer: DiscountCode) -> dict[str, str]:
    """Create single-use codes of a discount code, and assign one."""
    batch = services.create_batch(
        kind="discount_code", brand=offer.brand, offer=offer.offer_id, count=3, at=timezone.now()
    )
    services.generate_small_batch(batch=batch)
    assignment = services.assign_to_audience(batch=batch, segment_type="friends", notify=False, at=timezone.now())
    return {"code batch": str(batch.pk), "code assignment": str(assignment.pk)}


def _coupons(billo: Brand, shopper: Client) -> dict[str, str]:
    """Create an active coupon, and an inactive one with a generic code and single-use codes."""
    public = CouponFactory(brand=billo)
    coupon = CouponFactory(brand=billo, text="COUPON-OF-BILLO", decision="paused")
    reserved = _post(shopper, f"/api/v1/coupons/{public.pk}/reservations/", {})
    redeemed = _post(shopper, f"/api/v1/coupons/{public.pk}/redemptions/", {})
    batch = add_codes(coupon=coupon, codes=CodesSpec(count=3), at=timezone.now())
    assignment = services.assign_to_audience(batch=batch, segment_type="friends", notify=False, at=timezone.now())
    return {
        "open coupon": str(public.pk), "coupon": str(coupon.pk), "coupon batch": str(batch.pk),
        "coupon assignment": str(assignment.pk),
        "reserved": reserved["coupon_redemption_id"], "redeemed": redeemed["coupon_redemption_id"],
    }  # fmt: skip
