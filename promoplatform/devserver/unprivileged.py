"""Running PostgreSQL's tools when we are root, which they refuse.

Best is a user namespace without a mapping: the tool sees an ordinary user, while its files stay root's. No account is
made and no folder opened up. Where user namespaces are refused (many containers), the tools run as `nobody`, who is
given the data folder and may pass through the home.
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
    """How the tools are run."""

    UNCHANGED = "as we are"
    NAMESPACE = "in a user namespace"
    NOBODY = "as nobody"


@cache
def detect_mode() -> PrivilegeMode:
    """Found out by trying."""
    if os.geteuid() != 0:
        return PrivilegeMode.UNCHANGED
    tried = subprocess.run(["/bin/true"], preexec_fn=_enter_user_namespace, check=False)
    return PrivilegeMode.NAMESPACE if tried.returncode == 0 else PrivilegeMode.NOBODY


def run(*command: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run a tool to its end, as somebody who is not root. An OSError is a failed run, with its words."""
    arguments = [str(part) for part in command]
    before = {
        PrivilegeMode.UNCHANGED: None,
        PrivilegeMode.NAMESPACE: _enter_user_namespace,
        PrivilegeMode.NOBODY: _switch_to_nobody,
    }[detect_mode()]
    try:
        return subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, check=False, preexec_fn=before)
    except OSError as error:
        words = (
            f"{error}\nAs root without user namespaces, PostgreSQL runs as nobody, who must be able to reach its files."
        )
        return subprocess.CompletedProcess(
            arguments, 1, "", words if detect_mode() is PrivilegeMode.NOBODY else str(error)
        )


def file_owner() -> int:
    """The user id that must own what the tools write."""
    return NOBODY if detect_mode() is PrivilegeMode.NOBODY else os.geteuid()


def folder_mode() -> int:
    """The mode of a private folder on the tools' path: `nobody` may pass where it has to, and sees nothing there."""
    return 0o711 if detect_mode() is PrivilegeMode.NOBODY else 0o700


def chown_tree(path: Path) -> None:
    """Give a file or a whole folder to that user."""
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
