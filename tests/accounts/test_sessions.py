"""Sessions of the admin: how long they last, what people are told, and the page that lists them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import Session
from tests.factories import PASSWORD, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
PAGE = "/admin/promotions/promotion/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def clock(at: datetime) -> Any:
    with time_machine.travel(at, tick=False) as traveller:
        yield traveller


def sign_in(**headers: str) -> Client:
    """Return a browser in which the owner of a brand signed in with the form."""
    client = Client(headers=headers)
    body = {"username": MembershipFactory(user=UserFactory(username="ann")).user.username, "password": PASSWORD}
    assert client.post("/admin/login/?next=/admin/", body).status_code == 302
    return client


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([29, 29, 29], ""),
        ([29, 31], "You were signed out after 30 minutes without activity."),
        ([29] * 25, "You were signed out, because a session lasts 12 hours."),
    ],
)
def test_a_session_ends_by_age_and_idleness(steps: list[int], message: str, clock: Any) -> None:
    client = sign_in()

    responses = []
    for minutes in steps:
        clock.shift(timedelta(minutes=minutes))
        responses.append(client.get(PAGE))

    response: Any = responses[-1]
    assert response.status_code == (302 if message else 200)
    if message:
        assert response.url == f"/admin/login/?next={PAGE}"
        page = client.get(response.url)
        assert message in page.text
        again: Any = client.post(response.url, {"username": "ann", "password": PASSWORD, "next": PAGE})
        assert (again.status_code, again.url) == (302, PAGE)
        assert client.get(PAGE).status_code == 200


def test_the_limits_are_configured(clock: Any, settings: Any) -> None:
    settings.STAFF_SESSION_IDLE_MINUTES = 5
    client = sign_in()

    clock.shift(timedelta(minutes=6))

    assert client.get(PAGE).status_code == 302
    assert "after 5 minutes" in client.get("/admin/login/").text


def test_pages_that_update_themselves_do_not_keep_a_session_alive(clock: Any) -> None:
    client = sign_in()
    client.get(PAGE)

    polled: list[Any] = []
    for _ in range(2):
        clock.shift(timedelta(minutes=16))
        polled.append(client.get(PAGE, headers={"HX-Request": "true"}))

    assert polled[-1].headers["HX-Refresh"] == "true"
    assert client.get(PAGE).status_code == 302
    assert "without activity" in client.get("/admin/login/").text


def test_the_api_does_not_accept_an_idle_session(clock: Any) -> None:
    client = sign_in()
    assert client.get("/api/v1/me/").status_code == 200

    clock.shift(timedelta(minutes=31))

    assert client.get("/api/v1/me/").status_code == 401
    assert client.get(PAGE).status_code == 302
    assert "without activity" in client.get("/admin/login/").text


def test_people_see_and_end_their_sessions(clock: Any) -> None:
    here, there, stranger = sign_in(**{"User-Agent": FIREFOX}), Client(headers={"User-Agent": "curl/8"}), Client()
    there.post("/admin/login/", {"username": "ann", "password": PASSWORD})
    stranger.force_login(MembershipFactory().user)
    stranger.get("/admin/")
    for client in (there, here):
        clock.shift(timedelta(minutes=2))
        client.get("/admin/")

    page = here.get("/admin/sessions/")

    assert [(row["device"], row["address"], row["is_current"]) for row in page.context["rows"]] == [
        ("Firefox, Linux", "127.0.0.1", True), ("curl/8", "127.0.0.1", False),
    ]  # fmt: skip
    assert not any(session.session_key in page.text for session in Session.objects.all())
    number = next(row["number"] for row in page.context["rows"] if not row["is_current"])
    assert stranger.post(f"/admin/sessions/{number}/end/").status_code == 404
    assert there.get("/admin/").status_code == 200
    assert here.get(f"/admin/sessions/{number}/end/").status_code == 405

    assert here.post(f"/admin/sessions/{number}/end/", follow=True).status_code == 200

    assert there.get("/admin/").status_code == 302
    assert "Your session was ended." in there.get("/admin/login/").text
    assert (here.get("/admin/").status_code, stranger.get("/admin/").status_code) == (200, 200)


def test_signing_out_everywhere_ends_this_session_too() -> None:
    here, there = sign_in(), Client()
    there.post("/admin/login/", {"username": "ann", "password": PASSWORD})

    response = here.post("/admin/sessions/end/", follow=True)

    assert "You were signed out everywhere." in response.text
    assert [client.get("/admin/").status_code for client in (here, there)] == [302, 302]
    assert not Session.objects.exists()


def test_a_deactivated_user_is_told_that_the_session_was_ended() -> None:
    client = sign_in()
    user = Session.objects.get().user
    assert user is not None
    user.is_active = False
    user.save()

    assert client.get(PAGE).status_code == 302
    assert "Your session was ended." in client.get("/admin/login/").text


def test_visitors_without_a_session_are_told_nothing() -> None:
    client = Client()

    assert client.get(PAGE).status_code == 302
    assert "signed out" not in client.get("/admin/login/").text
