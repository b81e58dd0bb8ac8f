"""Generated requests, valid and invalid: no response is a server error, and each matches the OpenAPI document."""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import Brand
from promoplatform.wsgi import application
from tests.contracts.conftest import World
from tests.contracts.test_openapi import OPERATIONS, SCHEMA
from tests.isolation.endpoints import rows

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "12"))
CHECKS: Any = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
NAMES = [(method.upper(), path) for method, path, _ in OPERATIONS]
PARAMETER = re.compile(r"<\w+:\w+>|\{\w+\}")  # in an address as Django has it, or as OpenAPI does
ENDPOINTS = {(row.method, PARAMETER.sub("{}", f"/{row.route}")): row for row in rows()}
EASTERNMOST = "Pacific/Kiritimati"  # whose days begin when the last day of UTC has hardly begun

DOCUMENT = schemathesis.openapi.from_dict(SCHEMA)
DOCUMENT.app = application


@pytest.fixture
def world(shared_world: World) -> World:
    return shared_world


@pytest.fixture
def shared_connection(world: World) -> Iterator[None]:
    """Let requests share the test's transaction, as Django's test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.django_db
@pytest.mark.usefixtures("shared_connection")
@pytest.mark.parametrize(("method", "path"), NAMES, ids=[" ".join(name) for name in NAMES])
def test_every_response_matches_the_document(method: str, path: str, world: World) -> None:
    Brand.objects.filter(slug="billo").update(timezone=EASTERNMOST)
    operation = DOCUMENT[path][method]
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )
    row = ENDPOINTS.get((method, PARAMETER.sub("{}", path)))
    ids = world.fill(list(row.ids.values())) if row else []
    callers = [*{"owner", "shopper", "server", row.by if row else "shopper"}]

    @limit_examples
    @given(case=cases, caller=st.sampled_from(sorted(callers)), known=st.booleans())
    def send(case: Case, caller: str, known: bool) -> None:
        if known and ids:
            case.path_parameters = dict(zip(case.path_parameters or {}, ids, strict=True))
        with transaction.atomic():  # what one request changes, the next does not find
            response = case.call(headers={"Authorization": world.clients[caller].defaults["HTTP_AUTHORIZATION"]})
            transaction.set_rollback(True)
        case.validate_response(response, checks=CHECKS)

    send()


def limit_examples(test: Callable[..., None]) -> Callable[..., None]:
    """Limit a test to a few examples, the same in every run."""
    run = examples(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    return run(test)
