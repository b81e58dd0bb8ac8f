"""Characters that change how the text around them is shown, and upper case."""

import unicodedata

import pytest

from core.texts import has_control_characters, to_upper_case

CONTROL_CHARACTERS = [chr(point) for point in range(0x110000) if unicodedata.category(chr(point)) == "Cc"]
SEPARATORS = [chr(point) for point in range(0x110000) if unicodedata.category(chr(point)) in ("Zl", "Zp")]
BIDI_CLASSES = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = {chr(point) for point in range(0x110000) if unicodedata.bidirectional(chr(point)) in BIDI_CLASSES}


@pytest.mark.parametrize("several_lines", [False, True])
def test_controls_separators_and_marks_of_text_direction_are_found(several_lines: bool) -> None:
    characters = [*CONTROL_CHARACTERS, *SEPARATORS, *MARKS, "\u061c", "\u200e", "\u200f"]
    usual = set("\t\n\r") if several_lines else set()

    found = {
        character for character in characters if has_control_characters(f"a{character}b", several_lines=several_lines)
    }

    assert len(characters) == 65 + 2 + 9 + 3
    assert found == set(characters) - usual


@pytest.mark.parametrize(
    "text", ["", "Crème brûlée", "قسيمة", "קופון", "クーポン", "👩\u200d👩\u200d👧", "a\u00a0b", "10 % now"]
)
def test_texts_of_any_language_are_fine(text: str) -> None:
    assert not has_control_characters(text)


def test_only_ascii_gets_upper_case() -> None:
    assert to_upper_case("summer-10") == "SUMMER-10"
    assert [to_upper_case(text) for text in ("\u017fale", "stra\u00dfe", "\u0131s")] == [
        "\u017fale",
        "stra\u00dfe",
        "\u0131s",
    ]
