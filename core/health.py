"""Health checks for orchestrators and operators: liveness, readiness and the scheduler's heartbeat."""

import time
from collections.abc import Callable
from functools import cache

import structlog
from celery import current_app
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from core import redis

log = structlog.get_logger(__name__)
HEARTBEAT = redis.key("heartbeat", "beat")


def record_heartbeat() -> None:
    """Record that the scheduler and a worker are alive."""
    redis.client().set(HEARTBEAT, int(time.time()), ex=3600)


def seconds_since_heartbeat() -> int | None:
    """Return the seconds since a worker last ran the scheduler's heartbeat task; None if unknown."""
    try:
        last = redis.client().get(HEARTBEAT)
    except redis.Error:
        return None
    return None if last is None else max(0, int(time.time()) - int(last))


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer that the process is alive."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer whether the process can work, with the state of database, Redis, broker and migrations."""
    checks: dict[str, bool] = {}
    for name, check in _CHECKS.items():
        without_database = name == "migrations" and not checks["database"]  # avoids a second timeout
        checks[name] = not without_database and _check(name, check)
    ready = all(checks.values())
    answer = {
        "status": "ok" if ready else "unavailable",
        "checks": {name: "ok" if passed else "failed" for name, passed in checks.items()},
        "beat_seconds_ago": seconds_since_heartbeat(),
    }
    return JsonResponse(answer, status=200 if ready else 503, headers={} if ready else {"Retry-After": "2"})


class HealthCheckMiddleware:
    """Middleware that answers /healthz and /readyz before the host name is checked, since probes use any name."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = _PROBES.get(request.path) if request.method in ("GET", "HEAD") else None
        return self.get_response(request) if probe is None else probe(request)


def _check(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception as error:  # noqa: BLE001  (any failure means that this part is not ready)
        log.warning("not_ready", part=name, error=str(error))
        return False
    return True


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    redis.client().ping()


def _broker() -> None:
    with current_app.connection_for_write(connect_timeout=1) as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)


@cache
def _leaf_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationExecutor(connection).loader.graph.leaf_nodes())


def _migrations() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        missing = _leaf_migrations() - set(cursor.fetchall())
    if missing:
        raise RuntimeError(f"not migrated: {sorted(missing)}")


_CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "redis": _redis,
    "broker": _broker,
    "migrations": _migrations,
}

_PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {"/healthz": healthz, "/readyz": readyz}
