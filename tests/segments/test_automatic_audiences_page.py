"""Admin page on which a brand enables and disables automatic audiences."""

from typing import Any

import pytest
from django.test import Client

from accounts.contracts import Role
from accounts.models import Brand
from segments import services
from segments.contracts import AUTOMATIC_SEGMENT_TYPES, Source
from segments.models import Audience
from tests.factories import BrandFactory, UserFactory
from tests.segments.test_uploads import client_of

pytestmark = pytest.mark.django_db
PAGE = "/admin/segments/audience/automatic/"


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo", name="Billo")
    return brand


def post(client: Client, segment_type: str, action: str, brand: str = "billo") -> Any:
    return client.post(f"{PAGE}?brand={brand}", {"segment_type": segment_type, "action": action}, follow=True)


def test_an_editor_enables_and_disables_an_automatic_audience(brand: Brand) -> None:
    editor = client_of(brand, Role.EDITOR)
    assert editor.get(PAGE).content.decode().count(">Enable<") == len(AUTOMATIC_SEGMENT_TYPES)

    page = post(editor, "new_users", "enable").content.decode()
    audience = Audience.objects.get()
    assert (audience.segment_type, audience.source) == ("new_users", Source.AUTOMATIC)
    assert page.count(">Disable<") == 1
    assert "Counting" in page

    assert "is no longer automatic" in post(editor, "new_users", "disable").content.decode()
    assert Audience.objects.get().source == Source.IMPORTED


def test_an_unknown_segment_type_is_not_found(brand: Brand) -> None:
    for segment_type in ("vip", "a\x00b", ""):
        assert post(client_of(brand, Role.EDITOR), segment_type, "enable").status_code == 404

    assert not Audience.objects.exists()


def test_a_viewer_cannot_change_audiences(brand: Brand) -> None:
    services.enable(brand=brand, segment_type="new_users")
    viewer = client_of(brand, Role.VIEWER)

    page = viewer.get(PAGE).content.decode()

    assert "Counting" in page
    assert ">Disable<" not in page
    assert post(viewer, "new_users", "disable").status_code == 403
    assert Audience.objects.get().source == Source.AUTOMATIC


def test_staff_see_only_audiences_of_their_brand(brand: Brand) -> None:
    services.enable(brand=brand, segment_type="new_users")
    stranger = client_of(BrandFactory(slug="cake"), Role.OWNER)

    assert "Counting" not in stranger.get(PAGE).content.decode()
    assert stranger.get(f"{PAGE}?brand=billo").status_code == 404
    assert post(stranger, "new_users", "disable").status_code == 404
    assert Audience.objects.get().source == Source.AUTOMATIC


def test_users_of_several_brands_select_one_first(brand: Brand) -> None:
    BrandFactory(slug="cake", name="Cake")
    root = Client()
    root.force_login(UserFactory(is_superuser=True))

    assert "Select a brand" in root.get(PAGE).content.decode()
    assert "follow the purchases of Billo customers" in root.get(f"{PAGE}?brand=billo").content.decode()
    assert root.get(f"{PAGE}?brand=nosuch%00").status_code == 404


def test_users_without_a_brand_have_no_access(brand: Brand) -> None:
    client = Client()
    client.force_login(UserFactory())

    assert client.get(PAGE).status_code in (302, 403)
