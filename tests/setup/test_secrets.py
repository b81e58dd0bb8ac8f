"""Processes refuse to start with secrets that can be guessed, and behind a proxy that they don't know of."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from promoplatform.devserver.embedded import CHECKOUT_DIR
from promoplatform.settings.secrets import check_secret

GOOD = secrets.token_urlsafe(64)
CHECK = ["manage.py", "check"]
STARTS = {
    "check": CHECK,
    "web": ["-c", "import promoplatform.wsgi"],
    "worker": ["-m", "celery", "--app", "promoplatform", "worker", "--loglevel", "ERROR"],
    "beat": ["-m", "celery", "--app", "promoplatform", "beat", "--pidfile="],
    "audiences": ["manage.py", "consume_audience_updates"],
    "logins": ["manage.py", "consume_login_events"],
}


def start(command: list[str], data_dir: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    removed = {"SECRET_KEY", "SECRET_KEY_FALLBACKS", "DEBUG", "BASE_URL", "TRUSTED_PROXIES", "DJANGO_SETTINGS_MODULE"}
    environment = {name: value for name, value in os.environ.items() if name not in removed}
    environment |= {"PROMO_HOME": str(data_dir), "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base"} | variables
    return subprocess.run(
        [sys.executable, *command], cwd=CHECKOUT_DIR, env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", STARTS)
def test_no_process_starts_without_a_secret_key(name: str, data_dir: Path) -> None:
    done = start(STARTS[name], data_dir)

    assert done.returncode != 0
    assert "SECRET_KEY is missing." in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY has fewer than 50 characters."),
        ({"SECRET_KEY": GOOD, "SECRET_KEY_FALLBACKS": "former"}, "SECRET_KEY_FALLBACKS has fewer than 50 characters."),
        ({"SECRET_KEY": GOOD, "BASE_URL": "https://promo.example"}, "but TRUSTED_PROXIES is 0"),
        ({"SECRET_KEY": GOOD, "TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES"),
    ],
)
def test_wrong_settings_are_refused_with_what_to_do(variables: dict[str, str], message: str, data_dir: Path) -> None:
    done = start(CHECK, data_dir, **variables)

    assert done.returncode != 0
    assert message in done.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {"SECRET_KEY": GOOD, "SECRET_KEY_FALLBACKS": GOOD},
        {"SECRET_KEY": GOOD, "BASE_URL": "https://promo.example", "TRUSTED_PROXIES": "1"},
        {"DEBUG": "true"},
    ],
)
def test_right_settings_are_accepted(variables: dict[str, str], data_dir: Path) -> None:
    done = start(CHECK, data_dir, **variables)

    assert done.returncode == 0, done.stderr


def test_the_generated_key_is_kept_and_private(data_dir: Path) -> None:
    command = [
        "-c",
        "from promoplatform.devserver import embedded; print(embedded.create_secret_key(), embedded.find_secret_key())",
    ]

    first, second = (start(command, data_dir).stdout.split() for _ in range(2))

    assert len({*first, *second}) == 1
    assert check_secret("SECRET_KEY", first[0]) == first[0]
    assert (data_dir / "secret-key").stat().st_mode & 0o777 == 0o600
    assert start(CHECK, data_dir).returncode == 0


@pytest.mark.parametrize(
    "value",
    [
        "a" * 60, "password" * 8, "0123456789" * 6, "change-me-" + GOOD, "django-insecure-" + GOOD, "insecure-" + GOOD,
        "correct horse " * 5,
    ],
    ids=["one letter", "a word", "digits", "change-me", "django-insecure", "insecure", "words"],
)  # fmt: skip
def test_keys_that_can_be_guessed_are_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="easy to guess"):
        check_secret("SECRET_KEY", value)


@pytest.mark.parametrize("make", [secrets.token_urlsafe, secrets.token_hex], ids=["urlsafe", "hex"])
def test_random_keys_of_the_shortest_length_are_accepted(make: object) -> None:
    for _ in range(200):
        check_secret("SECRET_KEY", make(40)[:50])  # type: ignore[operator]
