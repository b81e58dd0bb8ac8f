"""Updates of audiences from Kafka work as over HTTP, and invalid messages change nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from core.errors import InvalidRequest, NotFound
from segments import services
from segments.errors import AudienceReadOnly
from segments.models import Audience, AudienceMember
from segments.proto.audience_update_pb2 import AudienceUpdate
from tests.factories import BrandFactory

ROOT = Path(__file__).resolve().parents[2]
PROTO = "segments/proto/audience_update.proto"


def update(**fields: object) -> bytes:
    """Return an encoded valid update of an audience of billo, with these fields replaced."""
    defaults = {"merchant_id": "billo", "segment_type": "vip", "operation": AudienceUpdate.ADD, "customer_ids": ["c1"]}
    return AudienceUpdate(**{**defaults, **fields}).SerializeToString()  # type: ignore[arg-type]


@pytest.mark.django_db
def test_repeated_updates_change_nothing() -> None:
    brand = BrandFactory(slug="billo")
    updates = [
        update(operation=AudienceUpdate.REPLACE, customer_ids=["c1", "c2"], version=1),
        update(operation=AudienceUpdate.ADD, customer_ids=["c3"], version=2, merchant_id=str(brand.pk)),
        update(operation=AudienceUpdate.REMOVE, customer_ids=["c1"], version=3),
    ]
    for value in (*updates, *updates):
        services.handle_audience_update(value)

    audience = Audience.objects.get()
    customer_ids = AudienceMember.objects.values_list("customer__customer_id", flat=True)
    assert (audience.version, audience.size, set(customer_ids)) == (3, 2, {"c2", "c3"})


@pytest.mark.django_db
def test_an_update_without_a_version_is_applied() -> None:
    BrandFactory(slug="billo")

    services.handle_audience_update(update())

    assert Audience.objects.get().version is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"\xff\xff\xff", InvalidRequest), (b"", InvalidRequest), (update(operation=0), InvalidRequest),
        (update(operation=9), InvalidRequest),
        (update(merchant_id="nosuch"), NotFound), (update(merchant_id="a\x00b"), NotFound),
        (update(merchant_id=""), NotFound), (update(segment_type=""), InvalidRequest),
        (update(segment_type="a b"), InvalidRequest),
        (update(customer_ids=["c1", ""]), InvalidRequest), (update(customer_ids=["x" * 101]), InvalidRequest),
        (update(customer_ids=["a\x00"]), InvalidRequest), (update(version=-1), InvalidRequest),
        (update(segment_type="automatic"), AudienceReadOnly),
    ],
)  # fmt: skip
def test_an_invalid_message_is_rejected_and_changes_nothing(value: bytes, error: type[Exception]) -> None:
    brand = BrandFactory(slug="billo")
    Audience.objects.create(brand=brand, segment_type="automatic", source="computed")

    with pytest.raises(error):
        services.handle_audience_update(value)

    assert not AudienceMember.objects.exists()


def test_the_generated_code_matches_the_proto_file(tmp_path: Path) -> None:
    command = ["-m", "grpc_tools.protoc", "-I", str(ROOT), f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", PROTO]
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True)

    for name in ("audience_update_pb2.py", "audience_update_pb2.pyi"):
        assert (tmp_path / "segments/proto" / name).read_text() == (ROOT / "segments/proto" / name).read_text(), name


def test_the_command_requires_kafka_servers() -> None:
    with pytest.raises(CommandError, match="KAFKA_BOOTSTRAP_SERVERS"):
        call_command("consume_audience_updates")
