"""The ``type`` of a problem leads to what it means, for people and for programs."""

import pytest
from django.test import Client

from core.error_catalog import ADVICE, list_errors
from core.errors import ERROR_CATALOG


@pytest.mark.parametrize("code", sorted(list_errors()))
def test_every_error_has_a_page_that_says_how_to_fix_it(code: str, client: Client):
    answer = client.get(f"/api/errors/{code}", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    text = answer.content.decode()
    assert f"<code>{code}</code>" in text
    assert ERROR_CATALOG[code].status in ADVICE


def test_the_page_of_an_error_is_available_as_json(client: Client):
    for accept in ("*/*", "application/json", "application/problem+json, application/json"):
        answer = client.get("/api/errors/busy", headers={"Accept": accept})

        assert answer["Content-Type"] == "application/json"
        assert answer.json() == {
            "type": "/api/errors/busy", "code": "busy", "status": 409, "phrase": "Conflict",
            "title": "Too much happens here at this moment; try again.",
            "advice": "Wait as long as the header Retry-After says, then send the same again.",
        }  # fmt: skip
        assert "Accept" in answer["Vary"]


def test_the_type_of_a_problem_leads_to_its_page(client: Client):
    problem = client.get("/api/nothing/").json()

    assert client.get(problem["type"]).json()["code"] == problem["code"] == "not_found"


def test_the_list_links_to_all_errors(client: Client):
    page = client.get("/api/errors/", headers={"Accept": "text/html"}).content.decode()

    assert all(f'href="/api/errors/{code}"' in page for code in list_errors())
    assert [one["code"] for one in client.get("/api/errors/").json()["errors"]] == sorted(list_errors())


@pytest.mark.parametrize("code", ["no_such_code", "%00", "BUSY", "busy%2F", "%F0%9F%92%A9"])
def test_an_unknown_code_is_not_found(code: str, client: Client):
    answer = client.get(f"/api/errors/{code}")

    assert (answer.status_code, answer.json()["code"]) in [(404, "not_found"), (400, "invalid")]


def test_the_error_pages_are_read_only(client: Client):
    assert client.post("/api/errors/busy").status_code == 405
