"""Registration, verified addresses and new passwords: answers tell nothing, emails tell the owner of an address."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services
from accounts.models import Customer, Session, User
from core.models import OutboxMessage
from tests.factories import PASSWORD, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db
REGISTER, VERIFY = "/api/v1/auth/register/", "/api/v1/auth/email/verify/"
RESET, CONFIRM = "/api/v1/auth/password/reset/", "/api/v1/auth/password/reset/confirm/"
TOKEN, REFRESH, ME = "/api/v1/auth/token/", "/api/v1/auth/token/refresh/", "/api/v1/me/"
NEW_PASSWORD = "another-horse-8"
VALUE = re.compile(r"'(?:[^']|'')*'(?:::\w+)?|\b\d+\b|\"s\d+_x\d+\"")  # of a statement, or the name of a savepoint


def registration(**changes: Any) -> dict[str, Any]:
    fields = {"username": "ann", "email": "ann@example.com", "password": "correct-horse-7"}
    return fields | changes


def post(path: str, body: object) -> Any:
    return Client().post(path, body, content_type="application/json")


def token_in_email(kind: str) -> str:
    """Return the token of the link in the only email that was sent."""
    (message,) = mail.outbox
    match = re.search(rf"/accounts/{kind}/([^/\s]+)/", str(message.body))
    assert match is not None, message.body
    return match[1]


# --- the same answer and work -----------------------------------------------------------------------------------------
TAKEN = [{"username": "Ann"}, {"email": "ANN@example.com"}, {"phone": "+34600000000"}]


@pytest.mark.parametrize("taken", TAKEN, ids=["username", "email", "phone"])
def test_a_registration_answers_the_same_whether_the_account_exists(taken: dict[str, str]) -> None:
    UserFactory(username="ann", email="ann@example.com", phone="+34600000000")
    fresh = registration(username="bob", email="bob@example.com", phone="+34600000001")

    known = post(REGISTER, fresh | taken)
    unknown = post(REGISTER, registration(username="carl", email="carl@example.com", phone="+34600000002"))

    assert (known.status_code, unknown.status_code) == (202, 202)
    assert known.content == unknown.content
    assert set(known.headers) == set(unknown.headers)
    assert set(User.objects.values_list("username", flat=True)) == {"ann", "carl"}


@pytest.mark.parametrize("taken", TAKEN, ids=["username", "email", "phone"])
def test_a_registration_does_the_same_work_whether_the_account_exists(
    taken: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    UserFactory(username="ann", email="ann@example.com", phone="+34600000000")
    fresh = registration(username="bob", email="bob@example.com", phone="+34600000001")
    hashed: list[str] = []
    original = User.set_password

    def set_password(user: User, password: str) -> None:
        hashed.append(password)
        original(user, password)

    monkeypatch.setattr(User, "set_password", set_password)
    works = []

    for fields in (fresh | taken, registration(username="carl", email="carl@example.com", phone="+34600000002")):
        hashed.clear()
        with CaptureQueriesContext(connection) as queries:
            post(REGISTER, fields)
        works.append((len(hashed), [VALUE.sub("?", query["sql"]) for query in queries]))

    assert works[0] == works[1]
    assert works[0][0] == 1
    assert len(works[0][1]) >= 3


def test_a_known_address_gets_an_email_that_says_so(run_outbox: Any) -> None:
    owner = ShopperFactory(email="ann@example.com", username="ann-1", language="de")
    before = owner.password

    post(REGISTER, registration(email="Ann@example.com"))
    run_outbox()

    (message,) = mail.outbox
    assert message.to == ["ann@example.com"]
    assert "Konto" in message.subject
    assert "ann-1" in message.body
    assert "/admin/password-reset/" in message.body
    assert "/accounts/verifications/" not in message.body
    owner.refresh_from_db()
    assert (owner.password, User.objects.count()) == (before, 1)


def test_a_username_or_phone_number_in_use_is_told_by_email_only(run_outbox: Any) -> None:
    UserFactory(username="ann", email="ann@example.com")

    post(REGISTER, registration(email="bob@example.com"))
    run_outbox()

    (message,) = mail.outbox
    assert message.to == ["bob@example.com"]
    assert "username" in message.body
    assert "ann@example.com" not in message.body
    assert not Customer.objects.exists()


def test_a_deactivated_account_gets_no_email(run_outbox: Any) -> None:
    user = UserFactory(email="ann@example.com", is_active=False)

    answers = [post(REGISTER, registration()), post(RESET, {"email": user.email})]
    run_outbox()

    assert [answer.status_code for answer in answers] == [202, 202]
    assert mail.outbox == []


def test_an_address_gets_at_most_five_emails_an_hour_from_any_client(run_outbox: Any) -> None:
    codes = [
        Client(REMOTE_ADDR=f"203.0.113.{n}")
        .post(REGISTER, registration(username=f"ann{n}", email="Ann@Example.com"), content_type="application/json")
        .status_code
        for n in range(7)
    ]
    run_outbox()

    assert codes == [202] * 5 + [429] * 2
    assert len(mail.outbox) == 5
    assert OutboxMessage.objects.count() == 0


@pytest.mark.parametrize(("addresses", "status"), [("2001:db8::{}", 429), ("2001:db8:0:{}::1", 202)])
def test_the_addresses_of_an_ipv6_network_register_as_one_client(addresses: str, status: int) -> None:
    for number in range(20):
        client = Client(REMOTE_ADDR=addresses.format(number + 1))
        assert client.post(REGISTER, {}, content_type="application/json").status_code == 400

    client = Client(REMOTE_ADDR=addresses.format(99))

    assert client.post(REGISTER, registration(), content_type="application/json").status_code == status


def test_registrations_do_not_keep_the_owner_of_an_address_from_a_new_password(run_outbox: Any) -> None:
    user = UserFactory(email="ann@example.com")
    for number in range(6):
        post(REGISTER, registration(username=f"bot{number}"))
    run_outbox()
    mail.outbox.clear()

    assert post(RESET, {"email": user.email}).status_code == 202
    run_outbox()

    assert token_in_email("password-resets")


# --- verification -----------------------------------------------------------------------------------------------------
def test_the_link_in_the_email_verifies_the_address(run_outbox: Any) -> None:
    post(REGISTER, registration(language="es"))
    run_outbox()
    assert "Verifica" in mail.outbox[0].subject
    user = User.objects.get()
    assert not user.email_verified

    answers = [post(VERIFY, {"token": token_in_email("verifications")}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    user.refresh_from_db()
    assert user.email_verified


def test_the_page_of_the_link_verifies_by_a_button_only(client: Client, run_outbox: Any) -> None:
    post(REGISTER, registration())
    run_outbox()
    page = f"/accounts/verifications/{token_in_email('verifications')}/"

    shown = client.get(page)
    assert (shown.status_code, "ann@example.com" in shown.text) == (200, True)
    assert not User.objects.get().email_verified
    done = client.post(page)

    assert (done.status_code, "verified" in done.text) == (200, True)
    assert User.objects.get().email_verified


def test_a_forged_or_old_link_and_one_of_another_address_verify_nothing(client: Client) -> None:
    user = UserFactory(email_verified_at=None)
    old = services.addresses.verification_token(user)
    with time_machine.travel(timezone.now() + timedelta(days=4), tick=False):
        assert post(VERIFY, {"token": old}).json()["code"] == "link_invalid"
    other = UserFactory(email_verified_at=None)
    moved = services.addresses.verification_token(other)
    User.objects.filter(pk=other.pk).update(email="moved@example.com")
    reset = services.addresses.reset_token(user)

    for token in (moved, f"{old}x", "forged", reset):
        response = post(VERIFY, {"token": token})
        assert (response.status_code, response.json()["code"]) == (400, "link_invalid")
        assert client.get(f"/accounts/verifications/{token}/").status_code == 404
        assert client.post(f"/accounts/verifications/{token}/").status_code == 404
    assert not User.objects.filter(email_verified_at__isnull=False).exists()


# --- new passwords ----------------------------------------------------------------------------------------------------
def test_a_new_password_ends_sessions_and_tokens_and_verifies_the_address(client: Client, run_outbox: Any) -> None:
    user = ShopperFactory(email_verified_at=None)
    tokens = post(TOKEN, {"account": user.email, "password": PASSWORD}).json()
    client.force_login(user)
    assert post(RESET, {"email": user.email.upper()}).status_code == 202
    run_outbox()

    response = post(CONFIRM, {"token": token_in_email("password-resets"), "password": NEW_PASSWORD})

    assert response.status_code == 204
    assert post(TOKEN, {"account": user.email, "password": PASSWORD}).status_code == 401
    assert post(TOKEN, {"account": user.email, "password": NEW_PASSWORD}).status_code == 200
    assert post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401
    assert not Session.objects.exists()
    user.refresh_from_db()
    assert user.email_verified


def test_a_link_sets_a_password_once(client: Client) -> None:
    token = services.addresses.reset_token(UserFactory())
    page = f"/accounts/password-resets/{token}/"
    assert client.get(page).status_code == 200
    assert client.post(page, {"password": "short"}).status_code == 400

    assert client.post(page, {"password": NEW_PASSWORD}).status_code == 200

    assert (client.get(page).status_code, client.post(page, {"password": "yet-another-9"}).status_code) == (404, 404)
    response = post(CONFIRM, {"token": token, "password": "yet-another-9"})
    assert (response.status_code, response.json()["code"]) == (400, "link_invalid")
    assert User.objects.get().check_password(NEW_PASSWORD)


def test_an_old_link_sets_no_password() -> None:
    user = UserFactory()
    token = services.addresses.reset_token(user)

    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        response = post(CONFIRM, {"token": token, "password": NEW_PASSWORD})

    assert response.json()["code"] == "link_invalid"
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_asking_for_a_new_password_answers_and_works_the_same_for_every_address() -> None:
    UserFactory(email="ann@example.com")
    answers, works = [], []

    for email in ("ann@example.com", "nobody@example.com"):
        with CaptureQueriesContext(connection) as queries:
            answers.append(post(RESET, {"email": email}))
        works.append([VALUE.sub("?", query["sql"]) for query in queries])

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    assert works[0] == works[1]


def test_the_sign_in_page_leads_to_a_new_password(client: Client, run_outbox: Any) -> None:
    user = UserFactory()
    assert 'href="/admin/password-reset/"' in client.get("/admin/login/").text
    assert client.get("/admin/password-reset/").status_code == 200
    assert client.post("/admin/password-reset/", {"email": "no address"}).status_code == 400

    known = client.post("/admin/password-reset/", {"email": user.email})
    unknown = client.post("/admin/password-reset/", {"email": "nobody@example.com"})
    run_outbox()

    assert (known.status_code, known.text) == (200, unknown.text)
    assert [message.to for message in mail.outbox] == [[user.email]]
    page = client.get(f"/accounts/password-resets/{token_in_email('password-resets')}/")
    assert user.username in page.text
