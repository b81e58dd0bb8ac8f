"""A brand has audiences computed, and stops it, on a page of the admin."""

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
PAGE = "/admin/segments/audience/computed/"


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory(slug="billo", name="Billo")
    return made


def ask(client: Client, segment_type: str, do: str, brand: str = "billo") -> Any:
    return client.post(f"{PAGE}?brand={brand}", {"segment_type": segment_type, "do": do}, follow=True)


def test_an_editor_has_an_audience_computed_and_stops_it(brand: Brand) -> None:
    editor = client_of(brand, Role.EDITOR)
    assert editor.get(PAGE).content.decode().count(">Compute<") == len(AUTOMATIC_SEGMENT_TYPES)

    page = ask(editor, "new_users", "compute").content.decode()
    audience = Audience.objects.get()
    assert (audience.segment_type, audience.source) == ("new_users", Source.AUTOMATIC)
    assert page.count(">Stop<") == 1
    assert "being counted" in page

    assert "no longer computed" in ask(editor, "new_users", "stop").content.decode()
    assert Audience.objects.get().source == Source.IMPORTED


def test_another_type_is_not_found(brand: Brand) -> None:
    for segment_type in ("vip", "a\x00b", ""):
        assert ask(client_of(brand, Role.EDITOR), segment_type, "compute").status_code == 404

    assert not Audience.objects.exists()


def test_a_viewer_sees_and_changes_nothing(brand: Brand) -> None:
    services.enable(brand=brand, segment_type="new_users")
    viewer = client_of(brand, Role.VIEWER)

    page = viewer.get(PAGE).content.decode()

    assert "being counted" in page
    assert ">Stop<" not in page
    assert ask(viewer, "new_users", "stop").status_code == 403
    assert Audience.objects.get().source == Source.AUTOMATIC


def test_another_brands_staff_see_their_own(brand: Brand) -> None:
    services.enable(brand=brand, segment_type="new_users")
    stranger = client_of(BrandFactory(slug="cake"), Role.OWNER)

    assert "being counted" not in stranger.get(PAGE).content.decode()
    assert stranger.get(f"{PAGE}?brand=billo").status_code == 404
    assert ask(stranger, "new_users", "stop").status_code == 404
    assert Audience.objects.get().source == Source.AUTOMATIC


def test_who_works_for_several_brands_chooses_one_first(brand: Brand) -> None:
    BrandFactory(slug="cake", name="Cake")
    root = Client()
    root.force_login(UserFactory(is_superuser=True))

    assert "of which brand?" in root.get(PAGE).content.decode()
    assert "Computed audiences of Billo" in root.get(f"{PAGE}?brand=billo").content.decode()
    assert root.get(f"{PAGE}?brand=nosuch%00").status_code == 404


def test_somebody_without_a_brand_sees_nothing(brand: Brand) -> None:
    nobody = Client()
    nobody.force_login(UserFactory())

    assert nobody.get(PAGE).status_code in (302, 403)
