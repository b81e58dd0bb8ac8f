"""Names that look alike: a canonical form by the confusable characters of Unicode (UTS 39), and mixed alphabets."""

import re
import unicodedata
from collections.abc import Collection
from functools import cache

from confusable_homoglyphs import categories
from confusable_homoglyphs.confusables import confusables_data

_EUROPEAN = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE"})  # whose letters look like one another
_JOINED = {"rn": "m", "vv": "w"}  # letters that look like one other letter


def canonicalize_name(text: str) -> str:
    """Return what all names that look like ``text`` have in common.

    Case, accents, spaces and punctuation make no difference. The result isn't for people to read.
    """
    decomposed = unicodedata.normalize("NFKD", text)
    letters = "".join(char for char in decomposed if unicodedata.category(char)[0] in "LNS")
    folded = "".join(map(_fold, letters))
    for joined, letter in _JOINED.items():
        folded = folded.replace(joined, letter)
    return folded


def has_mixed_alphabets(text: str) -> bool:
    """Return whether a word has letters of two alphabets that look alike, such as Latin and Cyrillic."""
    return any(len({_find_script(char) for char in word} & _EUROPEAN) > 1 for word in re.findall(r"\w+", text))


def find_word(text: str, words: Collection[str]) -> str | None:
    """Return which of the words a text has, also in letters that look alike. None if there is none."""
    present = {canonicalize_name(word) for word in re.split(r"[\W_]+", text)} | {canonicalize_name(text)}
    return next((word for word in words if canonicalize_name(word) in present), None)


def _find_script(char: str) -> str:
    return str(categories.alias(char))


def _fold(char: str) -> str:
    """Return the representative of a character, or of its capital letter, which may look like a Latin one."""
    found = next((group for group in (_find_group(char), _find_group(char.upper())) if group.isascii()), char)
    return _find_group(found.casefold())


def _find_group(char: str) -> str:
    return _list_groups().get(char, char)


@cache
def _list_groups() -> dict[str, str]:
    """Return a representative for each character that looks like another one.

    A letter and a digit that look alike, as O and 0, have the same one, and so have I, l and 1.
    """
    parents: dict[str, str] = {}

    def find(char: str) -> str:
        while char in parents:
            char = parents[char]
        return char

    pairs = [(char, other["c"]) for char, others in confusables_data.items() for other in others]
    for char, other in [*pairs, ("i", "l"), ("o", "O")]:
        one, two = sorted((find(char), find(other)), key=lambda text: (not text.isascii(), text))
        if one != two and len(char) == len(other) == 1:
            parents[two] = one
    return {char: find(char) for char in parents}
