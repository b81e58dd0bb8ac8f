"""``manage.py import_audience``: files of any make, and nothing changed unless all of it could be."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Brand
from segments.models import Audience
from segments.services import staging
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory(slug="billo")
    return made


def run(file: Path, operation: str = "add", **options: Any) -> None:
    usual: dict[str, Any] = {"brand": "billo", "segment_type": "vip", "operation": operation}
    call_command("import_audience", str(file), **(usual | options))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", b"customer_id\nc1\nc2\n"),
        ("a.ndjson", b'"c1"\n"c2"\n'),
        ("a.csv.gz", gzip.compress(b"c1\nc2\n", mtime=0)),
        ("a.ndjson.gz", gzip.compress(b'"c1"\n"c2"\n', mtime=0)),
    ],
)
def test_a_file_changes_an_audience(
    brand: Brand, tmp_path: Path, name: str, text: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    file.write_bytes(text)

    run(file, "replace", data_version=4)

    said = capsys.readouterr()
    assert said.out == "2 received, 2 added, 0 removed, 2 now\n"
    assert f"{len(text)} of {len(text)} bytes" in said.err
    assert (Audience.objects.get().size, Audience.objects.get().version) == (2, 4)
    with pytest.raises(CommandError, match="newer version"):
        run(file, "replace", data_version=3)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (b"c1\n\x07\n", {}, "line 2"),
        (b"c1\n", {"brand": "nosuch"}, "no brand"),
        (b"c1\n", {"segment_type": "a b"}, "refused|wrong"),
        (None, {}, "cannot be read"),
    ],
)
def test_what_cannot_be_had_is_said_and_nothing_is_changed(
    brand: Brand, tmp_path: Path, text: bytes | None, options: dict[str, Any], words: str
) -> None:
    file = tmp_path / "a.csv"
    if text is not None:
        file.write_bytes(text)

    with pytest.raises(CommandError, match=words):
        run(file, **options)

    assert not Audience.objects.exists()


def test_an_import_that_is_interrupted_changes_nothing(
    brand: Brand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"c1\n")

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(staging, "create_missing_customers", interrupted)

    with pytest.raises(CommandError, match="nothing was changed"):
        run(file)

    assert not Audience.objects.exists()
