"""The English message catalog: update it, or check that it is current.

python -m promoplatform.devserver.messages            update locale/en
python -m promoplatform.devserver.messages --check    exit 1 if it is not current; change nothing
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CATALOG = Path("locale/en/LC_MESSAGES/django.po")
IGNORED = (".venv", ".data*", "staticfiles", "node_modules", "tests", "benchmarks")
OPTIONS = ("--no-obsolete", "--add-location", "file", "--verbosity", "0")


def extract(directory: Path) -> None:
    """Extract the messages of a checkout into its English catalog. Raises CalledProcessError."""
    ignored = [option for pattern in IGNORED for option in ("--ignore", pattern)]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "promoplatform.settings.base"}
    (directory / CATALOG).parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "--locale", "en", *OPTIONS, *ignored],
        cwd=directory,
        env=environment,
        check=True,
    )


def messages_of(catalog: Path) -> list[str]:
    """Return the lines of a catalog without the dates of its header; nothing if there is no catalog."""
    if not catalog.exists():
        return []
    return [line for line in catalog.read_text().splitlines() if not line.startswith('"POT-Creation-Date')]


def is_current() -> bool:
    """Tell whether the catalog holds exactly the messages of the code, by extracting them from a copy."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "checkout"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", *IGNORED))
        extract(copy)
        return messages_of(copy / CATALOG) == messages_of(ROOT / CATALOG)


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit code."""
    if shutil.which("xgettext") is None:
        print("GNU gettext is not installed (apt-get install gettext).", file=sys.stderr)
        return 2
    if "--check" not in arguments:
        extract(ROOT)
        return 0
    if is_current():
        return 0
    print(f"{CATALOG} is not current. Run `make messages`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
