"""The first requests of a process describe their operations at once."""

import subprocess
import sys

import pytest

from tests.contracts.tree import ROOT

SCRIPT = """
import contextlib, sys, threading
from concurrent.futures import ThreadPoolExecutor
import django
django.setup()
from django.urls import get_resolver
from core import openapi
from core.views import APIView

def list_operations(patterns):
    for pattern in patterns:
        yield from list_operations(getattr(pattern, "url_patterns", ()))
        view = getattr(getattr(pattern, "callback", None), "cls", None)
        if view and issubclass(view, APIView):
            yield from ((view, method) for method in ("get", "post", "patch") if hasattr(view, method))

if "unguarded" in sys.argv:
    openapi._lock = contextlib.nullcontext()
operations = list(list_operations(get_resolver().url_patterns))[:16]
barrier = threading.Barrier(len(operations))

def describe(operation):
    barrier.wait(30)
    return openapi.describe_request(*operation)

sys.setswitchinterval(1e-6)
with ThreadPoolExecutor(len(operations)) as pool:
    list(pool.map(describe, operations))
"""


def describe_at_once(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Describe sixteen operations in a new process, in a thread each."""
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_threads_describe_their_first_requests_at_once() -> None:
    result = describe_at_once()

    assert result.returncode == 0, result.stderr


@pytest.mark.timeout(300)
def test_without_the_lock_a_first_request_fails() -> None:
    """Prove that the test above can fail."""
    results = (describe_at_once("unguarded") for _ in range(10))

    assert any(result.returncode and "AttributeError" in result.stderr for result in results)
