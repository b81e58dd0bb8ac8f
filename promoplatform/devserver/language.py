"""A check of plain language: words that the project avoids, and the form of commit messages.

    python -m promoplatform.devserver.language [FILE ...]        these files, or all that git tracks
    python -m promoplatform.devserver.language --commit FILE     a commit message

CONTRIBUTING.md has the rules. Prints each finding as ``path:line: word → what to write`` and exits 1 if there is one.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_SUBJECT = 72
SUBJECT = re.compile(r"(?:[a-z][a-z-]*(?:, [a-z][a-z-]*)*): [a-z].*[^.]|Merge .*|Revert .*")
AVOIDED = {
    r"whom|whoever|whomever|whence|anew|begun": "plain modern words",
    r"errands?": "sync job",
    r"ledgers?": "consistency check, event ledger",
    r"parked": "dead-lettered, failed",
    r"doubtful": "delivery unknown",
    r"refusals?": "error",
    r"in all": "total",
    r"so (?:many|often) as": "N, the limit",
    r"good once": "single-use",
    r"taken off": "discount",
    r"comes? into play": "is applied",
    r"per cent|\d+ %": "percent, 20%",
    r"e-mail": "email",
    r"colour": "color",
    r"catalogue": "catalog",
    r"cancelled": "canceled",
}
PATTERNS = [
    (re.compile(rf"(?<![\w`/_-])(?:{avoided})(?![\w`/_-])", re.IGNORECASE), hint) for avoided, hint in AVOIDED.items()
]
EXEMPT = re.compile(
    r"(^|/)(migrations|locale)/|_pb2\.pyi?$|^LICENSE|^tests/|^docs/openapi\.yaml$|devserver/language\.py$"
)
CODE = re.compile(r"```.*?```|``[^`]*``|`[^`\n]*`", re.DOTALL)


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the prose of a file with line numbers: docstrings of Python, text without code of everything else."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield getattr(node, "lineno", 1), CODE.sub(" ", ast.get_docstring(node) or "")
        return
    if path.suffix == ".html":
        source = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", source)
    source = CODE.sub(lambda match: "\n" * match[0].count("\n"), source)
    yield from enumerate(source.splitlines(), 1)


def find_words(path: Path) -> Iterator[str]:
    """Yield a line for each avoided word of a file."""
    for number, text in texts_of(path):
        for pattern, hint in PATTERNS:
            for match in pattern.finditer(text):
                yield f"{path}:{number}: {match[0]} → {hint}"


def check_subject(message: str) -> Iterator[str]:
    """Yield what is wrong with the first line of a commit message."""
    subject = message.partition("\n")[0]
    if len(subject) > MAX_SUBJECT:
        yield f"The subject has {len(subject)} characters, at most {MAX_SUBJECT} are allowed: {subject}"
    if not SUBJECT.fullmatch(subject):
        yield f"The subject isn't of the form `area: verb object`: {subject}"


def list_files() -> list[Path]:
    """Return the files that git tracks and that hold prose."""
    names = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S607
    return [Path(name) for name in names]


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit code."""
    if arguments[:1] == ["--commit"]:
        findings = list(check_subject(Path(arguments[1]).read_text(encoding="utf-8")))
    else:
        paths = [Path(name) for name in arguments] or list_files()
        read = [
            path
            for path in paths
            if path.suffix in {".py", ".md", ".html"} and not EXEMPT.search(path.as_posix()) and path.exists()
        ]
        findings = [finding for path in read for finding in find_words(path)]
    print("\n".join(findings), file=sys.stderr, end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
