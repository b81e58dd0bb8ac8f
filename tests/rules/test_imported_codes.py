"""An import of codes reads the column whose heading says code, wherever it stands, or refuses the file."""

import pytest

from tests.rules.api import CODED, Shop, percent

pytestmark = pytest.mark.django_db
HALF, WEAK = percent("50"), "?allow_weak=true"


def live(shop: Shop, *codes: str) -> list[str]:
    """Return which of the codes apply, each in a cart of its own."""
    return [code for code in codes if shop.discount(codes=[code]) == "25.00"]


@pytest.mark.parametrize("kind", CODED)
@pytest.mark.parametrize(
    "file",
    [
        "code,customer_id\nKX7P2M1,\nKX7P2M2,\n",
        "customer_id,code\n,KX7P2M1\n,KX7P2M2\n",
        "\ufeffcode\nKX7P2M1\nKX7P2M2\n",
        "Code\r\nKX7P2M1\r\nKX7P2M2\r\n",
        'expires_at;"CODE"\n2098-12-31;"KX7P2M1"\n2098-12-31;"KX7P2M2"\n',
        "expires_at\tcode\tcustomer_id\n2098-02-28\tKX7P2M1\t\n\tKX7P2M2\t\n",
        "  code  \nkx7p-2m1\nkx7p_2m2\n",
    ],
)
def test_the_column_of_codes_is_found_wherever_it_stands(kind: str, file: str, shop: Shop) -> None:
    offer = shop.create(kind, HALF)

    answer = shop.import_file(offer, file, query=WEAK)

    assert (answer["imported"], answer["errors"]) == (2, [])
    assert live(shop, "KX7P2M1", "KX7P2M2") == ["KX7P2M1", "KX7P2M2"]
    assert shop.reasons(codes=["CUSTOMER_ID"]) == ["code_not_found"]
    assert shop.reasons(codes=["EXPIRES_AT"]) == ["code_not_found"]


@pytest.mark.parametrize("kind", CODED)
@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("firstname,code\nAnnabel,KX7P2M1\nBertrand,KX7P2M2\n", "firstname"),
        ("firstname\nAnnabel\nBertrand\n", "firstname"),
        ("KX7P2M1\nKX7P2M2\n", "kx7p2m1"),
        ("Vorname;code;Größe\nAnnabel;KX7P2M1;8\n".encode("cp1252"), "größe"),
        ("code,code\nANNABEL,KX7P2M1\n", "code"),
        ("customer_id\nANNABEL\n", "code"),
        ("", "code"),
        ("code\n", "code"),
    ],
)
def test_a_file_with_other_columns_is_refused_and_stores_nothing(
    kind: str, file: str | bytes, named: str, shop: Shop
) -> None:
    offer = shop.create(kind, HALF)

    problem = shop.import_file(offer, file, query=WEAK, expect=400)

    assert problem["code"] == "invalid"
    assert named in problem["errors"][0]["detail"].lower()
    assert live(shop, "KX7P2M1", "KX7P2M2", "ANNABEL", "BERTRAND", "FIRSTNAME") == []
    assert shop.get(f"{offer.path}batches/")["results"] == []


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("AB", "invalid"),
        ("A" * 65, "invalid"),
        ("KÖNIG-7", "invalid"),
        ("KX7P2M1", "unique"),
        ("kx7p-2m1", "unique"),
        ("KX7P 2M2", "invalid"),
        ("ANNABEL,,,KX7P2M2", "invalid"),
        ('"KX7P2M2', "invalid"),
        ("KX7P2M2,,2031-02-29", "invalid"),
        ("", "blank"),
        (" , ,", "blank"),
    ],
)
def test_each_line_that_is_not_imported_is_listed_with_its_number(row: str, code: str, shop: Shop) -> None:
    offer = shop.create("promotion", HALF)

    answer = shop.import_file(offer, f"code,customer_id,expires_at\nKX7P2M1\n{row}\nKX7P2M3\n", query=WEAK)

    assert answer["imported"] == 2
    assert [(error["line"], error["code"]) for error in answer["errors"]] == [(3, code)]
    assert live(shop, "KX7P2M1", "KX7P2M3") == ["KX7P2M1", "KX7P2M3"]


def test_codes_that_can_be_guessed_are_taken_only_if_the_brand_says_so(shop: Shop) -> None:
    offer = shop.create("promotion", HALF)
    file = "code\n" + "".join(f"SUMMER{number:04}\n" for number in range(30))

    refused = shop.import_file(offer, file)

    assert refused["imported"] == 0
    assert {error["code"] for error in refused["errors"]} == {"weak"}
    assert live(shop, "SUMMER0007") == []
    assert shop.import_file(offer, file, query=WEAK)["imported"] == 30
    assert live(shop, "SUMMER0007") == ["SUMMER0007"]
