"""Packaging: lock files, the image, the message catalog, and checks of words and commit subjects."""

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
    """Return the pinned packages of a lock file for this platform, by canonical name."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line[:1].isalnum()]
    pinned = [Requirement(line.removesuffix("\\").strip()) for line in lines]
    return {
        canonicalize_name(requirement.name): requirement
        for requirement in pinned
        if requirement.marker is None or requirement.marker.evaluate()
    }


def list_requirements(pinned: Requirement) -> list[Requirement]:
    """Return the requirements of a pinned package on this platform, with its extras of the lock file."""
    requirements = [Requirement(text) for text in importlib.metadata.requires(pinned.name) or []]
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None
        or any(requirement.marker.evaluate({"extra": extra}) for extra in (*pinned.extras, ""))
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_file_has_every_required_package_and_extra(name: str) -> None:
    lock = read_lock(name)
    missing = []
    for pinned in lock.values():
        for requirement in list_requirements(pinned):
            locked = lock.get(canonicalize_name(requirement.name))
            if locked is None or not requirement.extras <= locked.extras:
                missing.append(f"{pinned.name} needs {requirement}")
            elif pinned.name != requirement.name:
                assert requirement.specifier.contains(str(locked.specifier)[2:], prereleases=True), (
                    pinned,
                    requirement,
                )

    assert len(lock) > 50
    assert missing == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_is_exact_and_has_a_hash(name: str) -> None:
    blocks = (ROOT / name).read_text().split("\n    # via")
    pins = [line for line in (ROOT / name).read_text().splitlines() if line[:1].isalnum()]

    assert all(str(requirement.specifier).startswith("==") for requirement in read_lock(name).values())
    assert len(pins) <= sum(block.count("--hash=sha256:") for block in blocks)
    assert all("\\" in pin for pin in pins)


def test_lock_files_are_installed_without_resolving() -> None:
    for file in ("Makefile", "Dockerfile"):
        lines = [line for line in (ROOT / file).read_text().splitlines() if "--require-hashes" in line]
        assert lines, file
        assert all("--no-deps" in line for line in lines), file


def test_image_contains_every_package_of_the_project() -> None:
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
def test_commit_subject_is_checked(subject: str, findings: int) -> None:
    assert len(list(language.check_subject(f"{subject}\n\nWhy."))) == findings


def test_avoided_words_are_found_in_prose_but_not_in_code(tmp_path: Path) -> None:
    page, module = tmp_path / "page.md", tmp_path / "module.py"
    page.write_text("Whoever asks\nis `whoever`.\n\n```\nwhoever\n```\n20 % off\n")
    module.write_text('def send():\n    """Send the errand of ``errands``."""\n    whoever = "whoever"\n')

    assert [line.split(": ")[0].rpartition(":")[2] for line in language.find_words(page)] == ["1", "7"]
    assert [line.split(": ")[1] for line in language.find_words(module)] == ["errand → sync job"]


def test_message_catalog_is_compared_without_its_date(tmp_path: Path) -> None:
    one, other = tmp_path / "one.po", tmp_path / "other.po"
    one.write_text('"POT-Creation-Date: 2026-01-01"\nmsgid "Save"\n')
    other.write_text('"POT-Creation-Date: 2026-02-02"\nmsgid "Save"\n')

    assert messages.messages_of(one) == messages.messages_of(other) == ['msgid "Save"']
    assert messages.messages_of(tmp_path / "none.po") == []
