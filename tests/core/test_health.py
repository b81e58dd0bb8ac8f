"""Liveness, readiness and metrics."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from core import health, redis, tasks

FINE = {"database": "ok", "redis": "ok", "broker": "ok", "migrations": "ok"}


def test_the_liveness_check_runs_no_query() -> None:
    response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_a_process_with_all_its_services_is_ready() -> None:
    response = Client().get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok", "checks": FINE, "beat_seconds_ago": None}


@pytest.mark.django_db
def test_readiness_includes_the_age_of_the_heartbeat() -> None:
    tasks.record_heartbeat()

    assert health.seconds_since_heartbeat() in (0, 1)
    assert Client().get("/readyz").json()["beat_seconds_ago"] in (0, 1)
    assert 0 < redis.client().ttl(health.HEARTBEAT) <= 3600


@pytest.mark.django_db
def test_a_database_with_missing_migrations_is_not_ready() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'kernel'")

    response = Client().get("/readyz")

    assert response.status_code == 503
    assert response["Retry-After"] == "2"
    assert response.json() | {"beat_seconds_ago": None} == {
        "status": "unavailable", "checks": FINE | {"migrations": "failed"}, "beat_seconds_ago": None,
    }  # fmt: skip


SCRIPT = """
import json, time, django
django.setup()
from django.test import Client
began = time.monotonic()
client = Client(headers={"Host": "localhost"})
alive, ready, api = [client.get(path) for path in ("/healthz", "/readyz", "/api/v1/me/")]
login = client.post("/api/v1/auth/token/", {"account": "a", "password": "b"}, content_type="application/json")
print(json.dumps({
    "health": alive.status_code, "ready": ready.status_code, "body": ready.json(), "api": api.status_code,
    "signing in": [login.status_code, login.json()["code"]], "seconds": time.monotonic() - began,
}))
"""
AWAY = {
    "DATABASE_URL": "postgresql://promo:promo@127.0.0.1:1/promo",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
}


def ask(**variables: str) -> dict[str, Any]:
    """Return the responses of a process with the environment variables."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", **variables}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_without_its_services_a_process_is_alive_but_not_ready() -> None:
    answer = ask(**AWAY)

    assert (answer["health"], answer["ready"]) == (200, 503)
    assert answer["body"] == {
        "status": "unavailable", "checks": dict.fromkeys(FINE, "failed"), "beat_seconds_ago": None,
    }  # fmt: skip
    assert answer["api"] == 401
    assert answer["signing in"] == [503, "unavailable"]
    assert answer["seconds"] < 20


@pytest.mark.django_db
def test_metrics_are_prometheus_text() -> None:
    Client().get("/api/v1/me/")

    response = Client().get("/metrics")

    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    assert re.search(
        rb'promo_request_seconds_count{method="GET",status="401",view="[a-zA-Z.]*MeView"}', response.content
    )
    assert b"promo_batch_size" in response.content


@pytest.mark.django_db
def test_an_unknown_method_creates_no_time_series() -> None:
    Client().generic("BREW", "/healthz")

    assert b"BREW" not in Client().get("/metrics").content


@pytest.mark.django_db
def test_health_checks_accept_any_host_name_unlike_other_requests(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["promo.example"]
    client = Client(headers={"Host": "10.0.0.7:8000"})

    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    assert client.get("/api/v1/me/").status_code == 400
