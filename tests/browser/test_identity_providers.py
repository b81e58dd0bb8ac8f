"""Sign-in by identity provider in a real browser: from the sign-in page to the provider and back."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from accounts.adapters import identity_providers
from accounts.contracts import SignOn
from accounts.models import IdentityProvider
from accounts.services import save_provider
from core import signing_keys
from tests.browser.test_admin import SCREENS, find_page_errors
from tests.factories import BrandFactory, MembershipFactory, UserFactory
from tests.fakes.identity_provider import FakeProvider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def provider(settings: Any, live_server: Any) -> Iterator[FakeProvider]:
    """The identity provider of Billo, whose owner is Ann."""
    settings.OUTBOUND_PRIVATE_NETWORKS, settings.BASE_URL = True, live_server.url
    identity_providers.discoveries.clear()
    signing_keys.key_sets.clear()
    with FakeProvider() as fake:
        brand = BrandFactory(slug="billo", name="Billo", sso=SignOn.ALLOWED)
        ann = UserFactory(username="ann", email="ann@example.com", email_verified_at=timezone.now())
        MembershipFactory(brand=brand, user=ann)
        row = IdentityProvider(
            brand=brand, issuer=fake.issuer, client_id=fake.client_id, domains=["example.com"]
        )  # fmt: skip
        save_provider(provider=row, secret=fake.client_secret)
        yield fake


def choose_brand(visit: Any) -> None:
    """Go from the sign-in page to the page of the brand, with the keyboard."""
    visit.goto("/admin/login/?next=/admin/coupons/coupondefinition/")
    visit.page.focus("text=Sign in by identity provider")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/accounts/sso/**")
    visit.page.focus("[name=brand]")
    visit.page.keyboard.type("billo")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/accounts/sso/billo/**")


def forget_provider(visit: Any, provider: FakeProvider) -> None:
    """Let the requests to the provider be no errors, and no others."""
    assert visit.external_requests
    assert all(url.startswith(f"{provider.issuer}/authorize?") for url in visit.external_requests)
    visit.external_requests.clear()


def test_staff_signs_in_at_the_provider_with_the_keyboard(visit: Any, provider: FakeProvider) -> None:
    phone = visit(width=390, height=844)
    choose_brand(phone)
    phone.page.focus("text=Continue")
    phone.page.keyboard.press("Enter")

    phone.page.wait_for_url(f"{phone.address}/admin/coupons/coupondefinition/")
    assert provider.count("/authorize") == provider.count("/token") == 1
    assert phone.console_errors == []
    forget_provider(phone, provider)


def test_an_unknown_person_reads_what_to_do(visit: Any, provider: FakeProvider) -> None:
    provider.person |= {"sub": "7", "email": "eve@example.com"}
    desk = visit()
    choose_brand(desk)
    desk.page.click("text=Continue")

    desk.page.wait_for_selector("[role=alert]")
    assert "Ask an owner of the brand for an invitation" in desk.page.inner_text("[role=alert]")
    forget_provider(desk, provider)


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_pages_fit_the_screen_and_are_accessible(
    visit: Any, provider: FakeProvider, width: int, height: int, dark: bool
) -> None:
    guest = visit(width=width, height=height, dark=dark)
    row = IdentityProvider.objects.get()
    errors = []
    for path in ("/admin/login/", "/accounts/sso/", "/accounts/sso/billo/", f"/accounts/sso/{row.key}/callback/"):
        guest.goto(path)
        errors += find_page_errors(guest, path)
    guest.sign_in("ann")
    for path in ("", f"{row.pk}/change/", "add/"):
        guest.goto(f"/admin/accounts/identityprovider/{path}")
        errors += find_page_errors(guest, path)

    assert errors == []
