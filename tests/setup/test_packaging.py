"""What is installed, shipped and committed: the locks, the image, the message catalog, the words."""

import importlib.metadata
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from promoplatform.devserver import language, messages
from tests.contracts.tree import ROOT

LOCKS = ["requirements.txt", "requirements-dev.txt"]


def read_lock(name: str) -> dict[str, Requirement]:
    """The pinned packages of a lock for this platform, by canonical name."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line[:1].isalnum()]
    pinned = [Requirement(line.removesuffix("\\").strip()) for line in lines]
    return {canonicalize_name(one.name): one for one in pinned if one.marker is None or one.marker.evaluate()}


def needed_by(pinned: Requirement) -> list[Requirement]:
    """What a pinned package asks for on this platform, with the extras that the lock gives it."""
    declared = [Requirement(text) for text in importlib.metadata.requires(pinned.name) or []]
    return [
        one
        for one in declared
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in (*pinned.extras, ""))
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_every_package_and_extra_that_its_packages_need(name: str) -> None:
    lock = read_lock(name)
    missing = []
    for pinned in lock.values():
        for needed in needed_by(pinned):
            found = lock.get(canonicalize_name(needed.name))
            if found is None or not needed.extras <= found.extras:
                missing.append(f"{pinned.name} needs {needed}")
            elif pinned.name != needed.name:
                assert needed.specifier.contains(str(found.specifier)[2:], prereleases=True), (pinned, needed)

    assert len(lock) > 50
    assert missing == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_is_exact_and_has_a_hash(name: str) -> None:
    blocks = (ROOT / name).read_text().split("\n    # via")
    pins = [line for line in (ROOT / name).read_text().splitlines() if line[:1].isalnum()]

    assert all(str(one.specifier).startswith("==") for one in read_lock(name).values())
    assert len(pins) <= sum(block.count("--hash=sha256:") for block in blocks)
    assert all("\\" in pin for pin in pins)


def test_nothing_is_resolved_when_a_lock_is_installed() -> None:
    for file in ("Makefile", "Dockerfile"):
        lines = [line for line in (ROOT / file).read_text().splitlines() if "--require-hashes" in line]
        assert lines, file
        assert all("--no-deps" in line for line in lines), file


def test_the_image_contains_every_package_of_the_project() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    allowed = (ROOT / ".dockerignore").read_text().splitlines()

    assert [name for name in packages if f"!{name}" not in allowed] == []


@pytest.mark.parametrize(
    ("subject", "findings"),
    [
        ("coupons: add a weekly limit", 0),
        ("core, docs: rename stored names", 0),
        ("Add a weekly limit", 1),
        ("coupons: add a weekly limit.", 1),
        (f"coupons: {'add ' * 20}limits", 1),
        (f"{'Add ' * 20}limits", 2),
    ],
)
def test_the_form_of_a_commit_subject_is_checked(subject: str, findings: int) -> None:
    assert len(list(language.check_subject(f"{subject}\n\nWhy."))) == findings


def test_avoided_words_are_found_in_prose_and_docstrings_but_not_in_code(tmp_path: Path) -> None:
    page, module = tmp_path / "page.md", tmp_path / "module.py"
    page.write_text("Whoever asks\nis `whoever`.\n\n```\nwhoever\n```\n20 % off\n")
    module.write_text('def send():\n    """Send the errand of ``errands``."""\n    whoever = "whoever"\n')

    assert [line.split(": ")[0].rpartition(":")[2] for line in language.find_words(page)] == ["1", "7"]
    assert [line.split(": ")[1] for line in language.find_words(module)] == ["errand → sync job"]


def test_a_catalog_is_compared_without_its_date(tmp_path: Path) -> None:
    one, other = tmp_path / "one.po", tmp_path / "other.po"
    one.write_text('"POT-Creation-Date: 2026-01-01"\nmsgid "Save"\n')
    other.write_text('"POT-Creation-Date: 2026-02-02"\nmsgid "Save"\n')

    assert messages.messages_of(one) == messages.messages_of(other) == ['msgid "Save"']
    assert messages.messages_of(tmp_path / "none.po") == []
