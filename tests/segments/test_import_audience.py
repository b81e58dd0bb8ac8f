"""``manage.py import_audience``: file formats, and failed imports that change nothing."""

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
    brand: Brand = BrandFactory(slug="billo")
    return brand


def run(file: Path, operation: str = "add", **options: Any) -> None:
    defaults: dict[str, Any] = {"brand": "billo", "segment_type": "vip", "operation": operation}
    call_command("import_audience", str(file), **(defaults | options))


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

    output = capsys.readouterr()
    assert output.out == "2 received, 2 added, 0 removed, 2 now\n"
    assert f"{len(text)} of {len(text)} bytes" in output.err
    assert (Audience.objects.get().size, Audience.objects.get().version) == (2, 4)
    with pytest.raises(CommandError, match="newer version exists"):
        run(file, "replace", data_version=3)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (b"c1\n\x07\n", {}, "line 2"),
        (b"c1\n", {"brand": "nosuch"}, "Brand nosuch not found"),
        (b"c1\n", {"segment_type": "a b"}, "Use up to 100 letters"),
        (None, {}, "can't be read"),
    ],
)
def test_a_failed_import_shows_the_error_and_changes_nothing(
    brand: Brand, tmp_path: Path, text: bytes | None, options: dict[str, Any], message: str
) -> None:
    file = tmp_path / "a.csv"
    if text is not None:
        file.write_bytes(text)

    with pytest.raises(CommandError, match=message):
        run(file, **options)

    assert not Audience.objects.exists()


def test_an_interrupted_import_changes_nothing(brand: Brand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"c1\n")

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(staging, "create_missing_customers", interrupted)

    with pytest.raises(CommandError, match="No changes were made"):
        run(file)

    assert not Audience.objects.exists()
