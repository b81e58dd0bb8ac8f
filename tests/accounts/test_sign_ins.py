"""Sign-ins by token: rotation of refresh tokens, logout, and the end of a user's access tokens."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import selectors, services
from accounts.errors import TokenReused
from accounts.models import Session, TokenFamily, User
from core.errors import TokenInvalid
from tests.factories import CampaignFactory, DiscountCodeFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db
REFRESH, LOGOUT, QUOTE = "/api/v1/auth/token/refresh/", "/api/v1/auth/logout/", "/api/v1/checkout/quote/"
CART = {"currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00"}]}
ClientOf = Callable[[Any], Client]


@pytest.fixture
def at_once(settings: Any) -> None:
    """A process that reads the list of ended tokens at every call."""
    settings.ENDED_TOKENS_SECONDS = 1e-9


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


# --- refresh tokens --------------------------------------------------------------------------------------------------
def test_a_second_use_of_a_refresh_token_ends_its_sign_in_only(at: datetime) -> None:
    user = ShopperFactory()
    stolen, other = (services.tokens_for(user=user, at=at) for _ in range(2))
    newest = services.refresh(token=stolen.refresh, at=at)

    for _ in range(2):
        with pytest.raises(TokenReused):
            services.refresh(token=stolen.refresh, at=at)

    with pytest.raises(TokenInvalid):
        services.refresh(token=newest.refresh, at=at)
    services.refresh(token=other.refresh, at=at)


def test_a_reused_token_is_answered_with_its_code(client: Client) -> None:
    tokens = services.tokens_for(user=ShopperFactory(), at=timezone.now())
    assert post(client, REFRESH, refresh=tokens.refresh).status_code == 200

    response = post(client, REFRESH, refresh=tokens.refresh)

    assert (response.status_code, response.json()["code"]) == (401, "token_reused")
    assert TokenFamily.objects.get().ended_at is not None


def test_logout_ends_the_sign_in(client: Client) -> None:
    user = ShopperFactory()
    ended, other = (services.tokens_for(user=user, at=timezone.now()) for _ in range(2))

    assert [post(client, LOGOUT, refresh=ended.refresh).status_code for _ in range(2)] == [204, 204]

    assert post(client, REFRESH, refresh=ended.refresh).json()["code"] == "token_invalid"
    assert post(client, REFRESH, refresh=other.refresh).status_code == 200
    for forged in ("x", ended.access):
        assert post(client, LOGOUT, refresh=forged).json()["code"] == "token_invalid"


def test_logout_with_an_expired_token_has_nothing_to_end(client: Client) -> None:
    tokens = services.tokens_for(user=ShopperFactory(), at=timezone.now() - timedelta(days=15))

    assert post(client, LOGOUT, refresh=tokens.refresh).status_code == 204


def test_expired_sign_ins_are_purged(at: datetime) -> None:
    user = ShopperFactory()
    services.tokens_for(user=user, at=at)
    kept = services.tokens_for(user=user, at=at + timedelta(days=1))

    services.purge_sign_ins(at=at + timedelta(days=14))

    assert TokenFamily.objects.count() == 1
    services.refresh(token=kept.refresh, at=at + timedelta(days=14))


# --- access tokens ---------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("at_once")
def test_deactivating_a_user_ends_the_access_tokens(shopper_client: ClientOf) -> None:
    user, other = ShopperFactory(), ShopperFactory()
    client, unaffected = shopper_client(user), shopper_client(other)
    assert post(client, QUOTE, **CART).status_code == 200

    User.objects.filter(pk=user.pk).update(is_active=False)

    assert post(client, QUOTE, **CART).json()["code"] == "token_invalid"
    assert post(unaffected, QUOTE, **CART).status_code == 200
    User.objects.filter(pk=user.pk).update(is_active=True)
    assert post(client, QUOTE, **CART).status_code == 401
    user.refresh_from_db()
    assert post(shopper_client(user), QUOTE, **CART).status_code == 200


def test_statements_that_serve_a_shopper_notice_a_deactivation_themselves(shopper_client: ClientOf) -> None:
    DiscountCodeFactory(text="TEN")
    CampaignFactory(slug="spring")
    user = ShopperFactory()
    client = shopper_client(user)

    User.objects.filter(pk=user.pk).update(is_active=False)

    assert post(client, "/api/v1/discountcodeusage/", discount_code="TEN").json()["code"] == "token_invalid"
    assert post(client, "/api/v1/campaigns/spring/first-login/").json()["code"] == "token_invalid"
    assert client.get("/api/v1/me/").json()["code"] == "token_invalid"


def test_a_token_epoch_never_goes_back() -> None:
    user = ShopperFactory()
    stale = User.objects.get(pk=user.pk)
    User.objects.filter(pk=user.pk).update(is_active=False)

    stale.save()

    row = User.objects.get(pk=user.pk)
    assert (row.token_epoch, row.tokens_ended_at is not None) == (1, True)


def test_an_unreachable_database_keeps_the_list_of_before(
    at: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    user = ShopperFactory()
    token = services.tokens_for(user=user, at=at).access
    services.sign_out_everywhere(user=user, at=at)
    selectors.ended_tokens.read(at=at)
    settings.ENDED_TOKENS_SECONDS = 1e-9
    monkeypatch.setattr(User.objects, "filter", lambda **_: (_ for _ in ()).throw(OperationalError("away")))

    with pytest.raises(TokenInvalid):
        selectors.get_token_caller(token=token, at=at)


@pytest.mark.usefixtures("at_once")
def test_signing_out_everywhere_ends_sessions_and_tokens(shopper_client: ClientOf) -> None:
    user = UserFactory(is_superuser=True)
    browser, token_client = Client(), shopper_client(user)
    browser.force_login(user)
    refresh = services.tokens_for(user=user, at=timezone.now()).refresh
    assert browser.get("/admin/").status_code == 200

    services.sign_out_everywhere(user=user, at=timezone.now())

    assert browser.get("/admin/").status_code == 302
    assert not Session.objects.filter(user=user).exists()
    assert token_client.get("/api/v1/me/").status_code == 401
    assert post(Client(), REFRESH, refresh=refresh).status_code == 401
    user.refresh_from_db()
    assert shopper_client(user).get("/api/v1/me/").status_code == 200
