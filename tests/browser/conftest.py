"""A real browser on a real server. Without Chromium on the machine, these tests are skipped with a message."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from accounts.models import User
from tests.factories import PASSWORD

# Playwright's event loop runs in the thread of the test, where Django would reject the ORM; nothing here is async.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SETTLED = "document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(() => setTimeout(done))))"


def chromium() -> str | None:
    """Return the path of the machine's Chromium."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None or not Path(path).exists():
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """Browser of one person, which records console errors and requests to other servers."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.address, self.page = address, context.new_page()
        self.console_errors: list[str] = []
        self.external_requests: list[str] = []
        self.page.on(
            "console", lambda message: self.console_errors.append(message.text) if message.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        self.unanswered: set[Request] = set()
        self.page.on("request", self._record_request)
        self.page.on("requestfinished", self._record_answer)
        self.page.on("requestfailed", self._record_answer)

    def _record_request(self, request: Request) -> None:
        self.unanswered.add(request)
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.external_requests.append(request.url)

    def _record_answer(self, request: Request) -> None:
        self.unanswered.discard(request)

    def goto(self, path: str) -> Page:
        """Open a page and wait until its scripts have run and every request is answered."""
        self.page.goto(self.address + path)
        self.page.evaluate(SETTLED)
        while self.unanswered:
            self.page.wait_for_timeout(20)
        return self.page

    def sign_in(self, username: str) -> "Visit":
        """Start a session of a user, without the form, which costs two pages."""
        client = Client()
        client.force_login(User.objects.get(username=username))
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        self.page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": self.address}])
        return self

    def sign_in_through_form(self, username: str) -> "Visit":
        """Sign in as a person does."""
        self.goto("/admin/login/")
        self.page.fill("[name=username]", username)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("#login-form button[type=submit]")
        self.page.wait_for_url(f"{self.address}/admin/")
        return self


@pytest.fixture
def visit(browser: Browser, live_server) -> Iterator[Callable[..., Visit]]:
    """Function that opens browsers: ``visit(width=390, height=844, dark=True)``. External requests are errors."""
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def open_browser(*, width: int = 1280, height: int = 800, dark: bool = False) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="en-GB"
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        visits.append(Visit(context, live_server.url))
        return visits[-1]

    yield open_browser
    for context in contexts:
        context.close()
    assert [visit.external_requests for visit in visits if visit.external_requests] == []
