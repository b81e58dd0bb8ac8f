"""The error catalog, to which the ``type`` of a problem links, as pages and as JSON."""

import pytest
from django.test import Client

from core.error_catalog import ADVICE, list_errors
from core.errors import ERROR_CATALOG


@pytest.mark.parametrize("code", sorted(list_errors()))
def test_every_error_has_a_page_that_says_how_to_fix_it(code: str, client: Client):
    response = client.get(f"/api/errors/{code}", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"
    text = response.content.decode()
    assert f"<code>{code}</code>" in text
    assert ERROR_CATALOG[code].status in ADVICE


def test_the_page_of_an_error_is_available_as_json(client: Client):
    for accept in ("*/*", "application/json", "application/problem+json, application/json"):
        response = client.get("/api/errors/busy", headers={"Accept": accept})

        assert response["Content-Type"] == "application/json"
        assert response.json() == {
            "type": "/api/errors/busy", "code": "busy", "status": 409, "phrase": "Conflict",
            "title": "The resource is busy. Retry after the number of seconds in Retry-After.",
            "advice": "Retry after the number of seconds in Retry-After.",
        }  # fmt: skip
        assert "Accept" in response["Vary"]


def test_the_type_of_a_problem_leads_to_its_page(client: Client):
    problem = client.get("/api/nothing/").json()

    assert client.get(problem["type"]).json()["code"] == problem["code"] == "not_found"


def test_the_list_links_to_all_errors(client: Client):
    page = client.get("/api/errors/", headers={"Accept": "text/html"}).content.decode()

    assert all(f'href="/api/errors/{code}"' in page for code in list_errors())
    assert [error["code"] for error in client.get("/api/errors/").json()["errors"]] == sorted(list_errors())


@pytest.mark.parametrize("code", ["no_such_code", "%00", "BUSY", "busy%2F", "%F0%9F%92%A9"])
def test_an_unknown_code_is_not_found(code: str, client: Client):
    response = client.get(f"/api/errors/{code}")

    assert (response.status_code, response.json()["code"]) in [(404, "not_found"), (400, "invalid")]


def test_the_error_pages_are_read_only(client: Client):
    assert client.post("/api/errors/busy").status_code == 405
