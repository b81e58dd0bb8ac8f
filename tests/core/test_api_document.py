"""The OpenAPI document over HTTP is generated once per process, language and format."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from django.test import Client

from promoplatform import api_document

PATH = "/api/schema/"
JSON = "application/vnd.oai.openapi+json"


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The number of documents that are generated, one entry each."""
    calls: list[str] = []
    generator = api_document.DocumentView.generator_class

    class CountingGenerator(generator):  # type: ignore[misc,valid-type]
        def get_schema(self, **kwargs: Any) -> Any:
            calls.append("generated")
            return super().get_schema(**kwargs)

    monkeypatch.setattr(api_document.DocumentView, "generator_class", CountingGenerator)
    api_document._render.cache_clear()
    yield calls
    api_document._render.cache_clear()


def fetch(query: str = "", **headers: str) -> Any:
    return Client().get(PATH + query, headers=headers)


def test_the_document_is_generated_once_however_many_ask_for_it(
    generated: list[str], run_concurrently: Callable[..., list[Any]]
) -> None:
    first, *others = run_concurrently(lambda number: fetch(f"?version={number}", Accept=JSON), range(4))

    assert first.status_code == 200
    assert {response.content for response in others} == {first.content}
    assert len(generated) == 1


def test_each_format_and_language_has_its_own_document(generated: list[str]) -> None:
    english, german = fetch(Accept=JSON), fetch("?lang=de", Accept=JSON)
    text = fetch()

    assert (english["Content-Type"], json.loads(english.content)["openapi"][:2]) == (JSON, "3.")
    assert german.content != english.content
    assert yaml.safe_load(text.content)["paths"].keys() == json.loads(english.content)["paths"].keys()
    assert len(generated) == 3
    assert fetch("?lang=xx", Accept=JSON).content == english.content
    assert len(generated) == 3
