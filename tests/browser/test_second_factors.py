"""Second factors in a real browser: set-up by keyboard on a phone, sign-in with an app and with a security key."""

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator

from tests.browser.test_admin import SCREENS, find_page_errors
from tests.factories import PASSWORD, BrandFactory, MembershipFactory, UserFactory
from tests.second_factors import add_app, recovery_codes, show_code

pytestmark = pytest.mark.django_db(transaction=True)
KEY = {
    "protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True,
    "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture
def olga() -> Any:
    """The owner of a brand that requires a second factor."""
    brand = BrandFactory(slug="billo", require_second_factor=True)
    return MembershipFactory(brand=brand, user=UserFactory(username="olga")).user


def plug_in_key(visit: Any) -> None:
    """Give the browser a security key that answers at once."""
    session = visit.page.context.new_cdp_session(visit.page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})


def submit_password(visit: Any) -> None:
    """Send the password of the sign-in page."""
    visit.goto("/admin/login/")
    visit.page.fill("[name=username]", "olga")
    visit.page.fill("[name=password]", PASSWORD)
    visit.page.keyboard.press("Enter")


def test_a_newcomer_sets_up_an_app_on_a_phone_with_the_keyboard(visit: Any, olga: Any) -> None:
    phone = visit(width=390, height=844)
    started = time.monotonic()
    submit_password(phone)
    phone.page.wait_for_url("**/accounts/second-factor/?next=**")
    phone.page.focus("text=Set up app")
    phone.page.keyboard.press("Enter")
    secret = phone.page.inner_text("code.key")
    phone.page.focus("[name=code]")
    phone.page.keyboard.type(show_code(secret))
    phone.page.keyboard.press("Enter")
    phone.page.wait_for_url("**/recovery-codes/")

    assert phone.page.locator(".codes li").count() == 10
    phone.page.focus("text=Open the admin")
    phone.page.keyboard.press("Enter")

    phone.page.wait_for_url(f"{phone.address}/admin/")
    assert time.monotonic() - started < 90
    assert phone.console_errors == []


def test_a_security_key_signs_in(visit: Any, olga: Any, settings: Any) -> None:
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True  # the server of the test has no TLS
    secret = add_app(olga)
    desk = visit()
    submit_password(desk)
    desk.page.wait_for_url("**/second-factor/sign-in/")
    assert desk.page.locator("#use-key").count() == 0
    desk.page.fill("[name=code]", show_code(secret))
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url(f"{desk.address}/admin/")
    plug_in_key(desk)
    desk.goto("/accounts/second-factor/keys/add/")
    desk.page.fill("[name=name]", "Blue key")
    desk.page.click("#add-key")
    desk.page.wait_for_url("**/accounts/second-factor/")
    assert Authenticator.objects.get(type="webauthn").wrap().name == "Blue key"
    desk.page.context.clear_cookies()

    submit_password(desk)
    desk.page.wait_for_url("**/second-factor/sign-in/")
    desk.page.click("#use-key")

    desk.page.wait_for_url(f"{desk.address}/admin/")
    assert desk.console_errors == []


def test_the_page_says_that_another_key_gave_no_answer(visit: Any, olga: Any, settings: Any) -> None:
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
    add_app(olga)
    client = visit().sign_in("olga")
    plug_in_key(client)
    client.goto("/accounts/second-factor/confirm/")
    client.page.fill("[name=code]", recovery_codes(olga)[0])
    client.page.keyboard.press("Enter")
    client.page.wait_for_url(f"{client.address}/admin/")
    client.goto("/accounts/second-factor/keys/add/")
    client.page.click("#add-key")
    client.page.wait_for_url("**/accounts/second-factor/")
    other = visit()
    plug_in_key(other)
    submit_password(other)
    other.page.wait_for_url("**/second-factor/sign-in/")

    other.page.click("#use-key")

    other.page.wait_for_selector("#key-error:not([hidden])")
    assert other.page.url.endswith("/second-factor/sign-in/")


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_pages_fit_the_screen_and_are_accessible(visit: Any, olga: Any, width: int, height: int, dark: bool) -> None:
    guest = visit(width=width, height=height, dark=dark)
    submit_password(guest)
    guest.page.wait_for_url("**/accounts/second-factor/?next=**")
    errors = find_page_errors(guest, "held")
    guest.goto("/accounts/second-factor/app/add/")
    errors += find_page_errors(guest, "set-up")
    guest.page.fill("[name=code]", show_code(guest.page.inner_text("code.key")))
    guest.page.keyboard.press("Enter")
    guest.page.wait_for_url("**/recovery-codes/")
    errors += find_page_errors(guest, "codes")
    for path in ("", "app/remove/", "recovery-codes/new/", "keys/", "keys/add/", "confirm/"):
        guest.goto(f"/accounts/second-factor/{path}")
        errors += find_page_errors(guest, path)
    guest.page.context.clear_cookies()
    submit_password(guest)
    guest.page.wait_for_url("**/second-factor/sign-in/")
    errors += find_page_errors(guest, "sign-in")

    assert errors == []
    assert guest.console_errors == []
