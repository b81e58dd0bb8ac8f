"""Request IDs, log lines without secrets, and the security headers of every page."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from core import logs, middleware
from discounts.models import DiscountCode
from tests.factories import PASSWORD, ApiKeyFactory, MembershipFactory, ShopperFactory, UserFactory

Lines = Callable[[], list[dict[str, Any]]]
ClientOf = Callable[[Any], Client]


@pytest.fixture
def lines(settings: Any) -> Iterator[Lines]:
    """The log lines of the test, as written in production."""
    settings.LOG_REQUESTS = True
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    formatter = logs.logging_config("INFO", pretty=False)["formatters"]["structlog"]
    handler.setFormatter(formatter.pop("()")(**formatter))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("path", ["/healthz", "/api/nothing/", "/nothing/"])
def test_a_valid_request_id_is_returned(path: str) -> None:
    assert Client().get(path, headers={"X-Request-ID": "shop-42:a.b_c"})["X-Request-ID"] == "shop-42:a.b_c"


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\nb", "<script>", "caf\xe9"], ids=repr)
def test_an_invalid_request_id_is_replaced(given: str) -> None:
    answered = Client().get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"]

    assert answered != given
    assert len(answered) == 32
    assert answered.isalnum()


def test_every_request_has_an_id_of_its_own() -> None:
    assert len({Client().get("/healthz")["X-Request-ID"] for _ in range(20)}) == 20


@pytest.mark.django_db
def test_every_log_line_of_a_request_has_its_id(lines: Lines, monkeypatch: Any) -> None:
    monkeypatch.setattr("core.health._CHECKS", {"broker": lambda: 1 / 0})

    Client().get("/readyz", headers={"X-Request-ID": "shop-42"})

    warned, ended, summed_up = lines()
    assert (warned["event"], warned["part"], warned["request_id"]) == ("not_ready", "broker", "shop-42")
    assert (ended["event"], ended["method"], ended["path"], ended["status"]) == ("request", "GET", "/readyz", 503)
    assert ended["request_id"] == summed_up["request_id"] == "shop-42"
    assert ended["ms"] >= 0


@pytest.mark.django_db
def test_no_log_line_contains_credentials(lines: Lines, shopper_client: ClientOf) -> None:
    key, shopper = ApiKeyFactory(), ShopperFactory()
    token = shopper_client(shopper).defaults["HTTP_AUTHORIZATION"].split()[1]

    tokens = Client().post(
        "/api/v1/auth/token/", {"account": shopper.username, "password": PASSWORD}, content_type="application/json"
    )
    for authorization in (f"Bearer {token}", f"Bearer {token}x", f"Api-Key {key.text}", f"Api-Key {key.text}x"):
        Client().get("/api/v1/me/", headers={"Authorization": authorization})
    Client().get("/unsubscribe/a-signed-token/")
    Client().get("/accounts/invitations/a-signed-token/")

    text = json.dumps(lines())
    assert text.count('"event": "request"') == 7
    for secret in (PASSWORD, token, key.text, "a-signed-token", *tokens.json().values()):
        assert str(secret) not in text or str(secret) == tokens.json()["expires_at"]


@pytest.mark.parametrize(
    ("event", "written"),
    [
        ({"password": "x"}, {"password": "[hidden]"}),
        ({"refresh_token": "x", "SENDGRID_API_KEY": 1}, {"refresh_token": "[hidden]", "SENDGRID_API_KEY": "[hidden]"}),
        ({"headers": {"Authorization": "x", "Cookie": "x", "Accept": "y"}},
         {"headers": {"Authorization": "[hidden]", "Cookie": "[hidden]", "Accept": "y"}}),
        ({"event": "sent Authorization: Bearer abc.def"}, {"event": "sent Authorization: Bearer [hidden]"}),
        ({"error": "api-key pk1.secret refused"}, {"error": "api-key [hidden] refused"}),
        ({"list": [{"secret": 1}, "Basic YTpi"]}, {"list": [{"secret": "[hidden]"}, "Basic [hidden]"]}),
        ({"error": "cannot reach postgresql://promo:pass@host/db"}, {"error": "cannot reach postgresql://promo:[hidden]@host/db"}),
        ({"error": "redis://:pass@host:1/0 and http://host:80/a"}, {"error": "redis://:[hidden]@host:1/0 and http://host:80/a"}),
        ({"status": 200, "ms": 1.5, "nothing": None}, {"status": 200, "ms": 1.5, "nothing": None}),
    ],
    ids=lambda value: next(iter(value)),
)  # fmt: skip
def test_secrets_are_redacted_by_name_and_by_pattern(event: dict[str, Any], written: dict[str, Any]) -> None:
    assert logs.redact_secrets(None, "info", dict(event)) == written


def test_log_lines_of_libraries_are_redacted(lines: Lines) -> None:
    logging.getLogger("library").warning("sent %s", "Bearer abc.def")
    structlog.get_logger("tests").warning("signing_in", password="x")

    said, ours = lines()
    assert said["event"] == "sent Bearer [hidden]"
    assert (said["level"], said["logger"]) == ("warning", "library")
    assert ours["password"] == "[hidden]"


@pytest.mark.parametrize("host", ["evil.example", "a b"])
def test_a_foreign_host_logs_one_line_without_a_traceback(lines: Lines, settings: Any, host: str) -> None:
    settings.ALLOWED_HOSTS = ["promo.example"]

    assert Client().get("/api/v1/me/", headers={"host": host}).status_code == 400

    (line,) = [line for line in lines() if line["event"] != "request"]
    assert (line["logger"], line["level"]) == ("django.security.DisallowedHost", "error")
    assert host in line["event"]
    assert "exception" not in line


STRICT = "default-src 'self'"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/api/v1/me/", "/api/nothing/", "/api/schema/", "/api/docs/", "/admin/login/", "/nothing/", "/healthz"]
)
def test_every_page_has_the_security_headers(path: str) -> None:
    response = Client().get(path)

    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]
    policy = response["Content-Security-Policy"]
    assert STRICT in policy
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert ("'unsafe-inline'" in policy) == path.startswith("/admin/")


@pytest.mark.django_db
def test_the_documentation_uses_no_script_that_its_policy_forbids() -> None:
    page = Client().get("/api/docs/").content.decode()

    assert "<script>" not in page
    assert page.count("<script src=") == 3
    assert "https://" not in page


@pytest.mark.django_db
def test_the_admin_opens_for_staff_with_its_own_policy() -> None:
    client = Client()
    client.force_login(MembershipFactory(user=UserFactory()).user)

    response = client.get("/admin/")

    assert response.status_code == 200
    assert "'unsafe-eval'" in response["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "encoding", "status"),
    [
        ("/api/v1/checkout/quote/", "gzip", 415),
        ("/api/v1/checkout/quote/", "identity, br", 415),
        ("/api/internal/v1/login-events/", "gzip", 415),
        ("/api/v1/promotions/1/batches/import/", "gzip", 415),
        ("/api/v1/checkout/quote/", "Identity", 200),
        ("/api/v1/checkout/quote/", "", 200),
        ("/api/internal/v1/audiences/billo/loyal/", "gzip", 200),
    ],
)
def test_an_encoding_that_no_view_reads_is_refused(path: str, encoding: str, status: int) -> None:
    through = middleware.RequestValidationMiddleware(lambda _: HttpResponse("read"))
    request = RequestFactory().post(
        path, b"{}", content_type="application/json", headers={"Content-Encoding": encoding}
    )

    response = through(request)

    assert response.status_code == status
    if status == 415:
        assert json.loads(response.content)["code"] == "unsupported_media_type"


def test_bulk_endpoints_have_their_own_body_limit(settings: Any) -> None:
    through = middleware.RequestValidationMiddleware(lambda _: HttpResponse("read"))

    def send(path: str) -> HttpResponse:
        request: HttpRequest = RequestFactory().post(path, b"", content_type="text/csv")
        request.META["CONTENT_LENGTH"] = str(settings.BODY_LIMIT + 1)
        return through(request)

    assert send("/api/internal/v1/audiences/billo/loyal/").status_code == 200
    assert send("/api/internal/v1/sync-segment/").status_code == 413
    assert send("/admin/").status_code == 200


@pytest.mark.django_db
def test_api_clients_have_no_session_but_browsers_do(shopper_client: ClientOf) -> None:
    program, browser = shopper_client(ShopperFactory()), Client()
    browser.force_login(MembershipFactory(user=UserFactory()).user)

    assert not hasattr(program.get("/api/v1/me/").wsgi_request, "session")
    seen = browser.get("/api/v1/me/", headers={"Authorization": "Basic YTpi"})  # sent by a proxy

    assert seen.status_code == 200
    assert hasattr(seen.wsgi_request, "session")


@pytest.mark.django_db
def test_a_token_opens_no_admin_page(shopper_client: ClientOf) -> None:
    assert shopper_client(MembershipFactory(user=UserFactory()).user).get("/admin/").status_code == 302


@pytest.mark.django_db
def test_changes_of_an_api_client_are_recorded_with_its_user(shopper_client: ClientOf) -> None:
    member = MembershipFactory(user=UserFactory())
    body = {"id": "SUMMER", "rule": {"discount": 10}, "validity": "2099-01-31T23:59:59Z"}

    made = shopper_client(member.user).post("/api/v1/discountcode/", body, content_type="application/json")

    assert made.status_code == 201
    events: Any = DiscountCode.pgh_event_model  # type: ignore[attr-defined]
    told = events.objects.get(id=DiscountCode.objects.get().pk).pgh_context.metadata
    assert (told["user"], told["url"]) == (member.user.pk, "/api/v1/discountcode/")
