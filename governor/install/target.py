"""One settings file of the person's: read as bytes, replaced in one step, never half written.

Their file may be a symbolic link into a dotfiles folder, so what is replaced is the file the link leads to, by a
temporary beside it. Between reading and replacing, the client or the person may write too: the bytes are compared once
more just before the rename, which leaves a gap of microseconds that no lock of ours could close.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

from governor.errors import SettingsError
from governor.install.wiring import Host

Scope = Literal["user", "project", "local"]


class Target(NamedTuple):
    """One file to wire."""

    host: Host
    scope: Scope
    path: Path

    @property
    def again(self) -> str:
        """The command that tries just this file once more."""
        return f"governor install --{self.host}" + ("" if self.scope == "user" else f" --scope {self.scope}")


class ChangedMeanwhileError(Exception):
    """Somebody else wrote the file between our reading and our replacing it."""


def look(target: Target) -> bytes | None:
    """The file's bytes, or None where there is no file. Raises: SettingsError where it cannot be read."""
    aside = f"mv {target.path} {target.path}.old && {target.again}"
    try:
        if not stat.S_ISREG(os.stat(target.path).st_mode):  # a FIFO would never end
            raise SettingsError(f"{target.path} is no plain file, so it was left alone.", aside)
        return target.path.read_bytes()
    except FileNotFoundError:
        return None
    except NotADirectoryError as fault:
        folder = target.path.parent
        raise SettingsError(f"{folder} is not a folder.", f"mv {folder} {folder}.old && {target.again}") from fault
    except PermissionError as fault:
        mend = f"chmod u+rwX {target.path.parent} {target.path} && {target.again}"
        raise SettingsError(f"{target.path} cannot be read ({fault.strerror}).", mend) from fault
    except OSError as fault:
        raise SettingsError(f"{target.path} cannot be read ({fault.strerror}).", aside) from fault


def swap(target: Target, *, seen: bytes | None, new: bytes) -> list[str]:
    """Replace what was ``seen`` with ``new``, keeping mode and owner; the folders that had to be made, outermost first.

    Raises: ChangedMeanwhileError when the file no longer holds ``seen``; SettingsError where it may not be written.
    """
    real = Path(os.path.realpath(target.path))
    was = writable(target, real)
    made = _make_folder(target, real.parent)
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{real.name}.", suffix=".tmp", dir=real.parent)
        with os.fdopen(descriptor, "wb") as file:
            if was is not None:
                os.fchmod(descriptor, stat.S_IMODE(was.st_mode))
                if (was.st_uid, was.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, was.st_uid, was.st_gid)
            file.write(new)
            file.flush()
            os.fsync(descriptor)
        if look(target) != seen:
            raise ChangedMeanwhileError(str(target.path))
        os.replace(temporary, real)
        temporary = ""
    except OSError as fault:
        raise _not_writable(target, real, fault.strerror or str(fault)) from fault
    finally:
        if temporary:
            os.unlink(temporary)
    return made


def remove(target: Target, *, seen: bytes, made: list[str]) -> None:
    """Take away a file that we made, and the folders made for it where nothing else moved in.

    Raises: ChangedMeanwhileError, SettingsError as ``swap`` does.
    """
    real = Path(os.path.realpath(target.path))
    writable(target, real)
    if look(target) != seen:
        raise ChangedMeanwhileError(str(target.path))
    try:
        real.unlink()
    except OSError as fault:
        raise _not_writable(target, real, fault.strerror or str(fault)) from fault
    for folder in reversed(made):
        try:
            os.rmdir(folder)
        except OSError:
            break


def writable(target: Target, real: Path) -> os.stat_result | None:
    """The file's stat, None where there is none. Raises: SettingsError for a file its owner protected, or another's."""
    try:
        was = os.stat(real)
    except FileNotFoundError as fault:
        if target.path.is_symlink() and not real.parent.exists():
            raise SettingsError(
                f"{target.path} is a link into {real.parent}, which is not there.",
                f"mkdir -p {real.parent} && {target.again}",
            ) from fault
        return None
    except OSError as fault:
        raise _not_writable(target, real, fault.strerror or str(fault)) from fault
    if os.geteuid() not in (0, was.st_uid):
        raise _not_writable(target, real, "it belongs to another user", mend=f'sudo chown "$(id -un)" {real}')
    if not was.st_mode & 0o222 or not os.access(real, os.W_OK):
        raise _not_writable(target, real, "it is read-only", mend=f"chmod u+w {real}")
    return was


def _make_folder(target: Target, folder: Path) -> list[str]:
    missing: list[str] = []
    at = folder
    while not at.exists():
        missing.insert(0, str(at))
        at = at.parent
    try:
        for name in missing:
            os.mkdir(name, 0o700)
    except OSError as fault:
        raise _not_writable(target, folder, fault.strerror or str(fault)) from fault
    return missing


def _not_writable(target: Target, real: Path, why: str, *, mend: str = "") -> SettingsError:
    shown = str(target.path) if real == target.path else f"{target.path} (a link to {real})"
    mend = f"{mend} && {target.again}" if mend else f"ls -ld {real.parent} {real}; df {real.parent}; {target.again}"
    return SettingsError(f"{shown} cannot be written: {why}. Nothing in it was changed.", mend)
