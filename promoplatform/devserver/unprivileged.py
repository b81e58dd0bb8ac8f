"""Run PostgreSQL's tools as an unprivileged user, since they refuse to run as root.

A user namespace without a mapping works best: the tool sees an ordinary user, and its files stay root's. Where user
namespaces are denied (in many containers), the tools run as `nobody`, who owns the data directory.
"""

import ctypes
import os
import subprocess
import sys
from enum import Enum
from functools import cache
from pathlib import Path

CLONE_NEWUSER = 0x10000000
NAMESPACE_DENIED = 97
NOBODY = 65534


class PrivilegeMode(Enum):
    """Privileges that the tools run with."""

    UNCHANGED = "unchanged"
    NAMESPACE = "in a user namespace"
    NOBODY = "as nobody"


@cache
def detect_mode() -> PrivilegeMode:
    """Return how the tools can run here, by trying."""
    if os.geteuid() != 0:
        return PrivilegeMode.UNCHANGED
    tried = subprocess.run(["/bin/true"], preexec_fn=_enter_user_namespace, check=False)
    return PrivilegeMode.NAMESPACE if tried.returncode == 0 else PrivilegeMode.NOBODY


def run(*command: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run a tool as an unprivileged user and return the result. An OSError becomes a failed run with its text."""
    arguments = [str(part) for part in command]
    before = {
        PrivilegeMode.UNCHANGED: None,
        PrivilegeMode.NAMESPACE: _enter_user_namespace,
        PrivilegeMode.NOBODY: _switch_to_nobody,
    }[detect_mode()]
    try:
        return subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, check=False, preexec_fn=before)
    except OSError as error:
        hint = "\nAs root without user namespaces, PostgreSQL runs as nobody, who needs access to its files."
        text = f"{error}{hint}" if detect_mode() is PrivilegeMode.NOBODY else str(error)
        return subprocess.CompletedProcess(arguments, 1, "", text)


def file_owner() -> int:
    """Return the ID of the user who must own the files that the tools write."""
    return NOBODY if detect_mode() is PrivilegeMode.NOBODY else os.geteuid()


def folder_mode() -> int:
    """Return the mode of a private directory on the path of the tools: `nobody` may traverse it, but not list it."""
    return 0o711 if detect_mode() is PrivilegeMode.NOBODY else 0o700


def chown_tree(path: Path) -> None:
    """Change the owner of a file, or of a directory with all its content, to `file_owner()`."""
    if os.geteuid() != 0 or path.lstat().st_uid == file_owner():
        return
    for parent, folders, files in os.walk(path):
        for name in [*folders, *files]:
            os.chown(Path(parent) / name, file_owner(), -1, follow_symlinks=False)
    os.chown(path, file_owner(), -1, follow_symlinks=False)


def _enter_user_namespace() -> None:
    if not sys.platform.startswith("linux") or ctypes.CDLL(None).unshare(CLONE_NEWUSER) != 0:
        os._exit(NAMESPACE_DENIED)


def _switch_to_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
