"""What the hooks run from: a copy of their few files in our own folder, and an interpreter that outlives the project.

A checkout gets moved, a virtual environment deleted, a package upgraded while a session runs. So the hooks are copied
into ``runtime-<digest>`` in the state folder, compiled, and put in place by renaming the link ``runtime``: a hook that
starts at any moment finds a whole set of files, the old or the new.
"""

from __future__ import annotations

import ast
import compileall
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from py_compile import PycInvalidationMode

import governor
from governor.errors import StateError
from governor.hooks import old_python, runtime
from governor.install.wiring import SCRIPTS


def source_hooks() -> Path:
    """The folder of hook scripts: inside an installed package, beside it in a checkout.

    Raises: StateError where there is neither.
    """
    package = Path(governor.__file__).resolve().parent
    for folder in (package / "data" / "hooks", package.parent / "hooks"):
        if folder.is_dir():
            return folder
    raise StateError(f"No hook scripts were found beside {package}.", "pip install --force-reinstall quota-governor")


def scripts(folder: Path) -> list[str]:
    """Those of our hook scripts that this folder holds."""
    return sorted(name for name in SCRIPTS if (folder / name).is_file())


def interpreter() -> str:
    """The interpreter that the virtual environment was made from, in full; ours itself outside of one.

    Not resolved through links where it lies outside the environment: ``/usr/bin/python3.11`` and a package manager's
    stable link survive the patch release that their targets do not.
    """
    found = os.path.abspath(getattr(sys, "_base_executable", "") or sys.executable)
    inside = sys.prefix != sys.base_prefix and Path(found).is_relative_to(sys.prefix)
    return os.path.realpath(found) if inside else found


def stage(home: Path, source: Path) -> Path:
    """Make ``home/runtime`` hold what ``source`` and this package hold, and say where it is.

    Raises: StateError where the state folder cannot be written.
    """
    files = _files(source)
    link = home / "runtime"
    name = f"runtime-{_digest(files)}"
    try:
        if _is_intact(link.resolve(), files, name):
            return link
        fresh = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=home))  # mode 0700
        for path, content in files.items():
            runtime.write_private(str(fresh / path), content)
        # A folder never changes once it is in place, so its bytecode need not be checked against its source.
        compileall.compile_dir(fresh, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
        if link.is_dir() and not link.is_symlink():
            os.rename(link, f"{fresh}.old")  # put there by hand, or by another tool
        pointer = f"{fresh}.link"
        os.symlink(fresh.name, pointer)
        os.replace(pointer, link)
    except OSError as fault:
        raise StateError(
            f"The hooks cannot be put into {home} ({fault.strerror}).", f"ls -ld {home}; df {home}"
        ) from fault
    _sweep(home, fresh.name)
    return link


def forget_old_python(home: Path) -> None:
    """Installed hooks bring their own interpreter: what was said of an older one is settled."""
    shutil.rmtree(home / old_python.FOLDER, ignore_errors=True)


def unstage(home: Path) -> None:
    """Take the hooks away again. A session that still starts them meets a missing file, which ``|| true`` forgives."""
    link = home / "runtime"
    if link.is_symlink():
        link.unlink()
        _sweep(home, "")
    for name in ("bell", "wired"):
        (home / name).unlink(missing_ok=True)


def write_bell(home: Path) -> None:
    """What a hook starts for a refresh: ours, which may go away with its environment; the hook then stays silent.

    ``-P`` keeps a folder named ``governor`` in the session's working folder from being run in our place.
    """
    words = [sys.executable, "-P", "-m", "governor", "refresh", "--quiet"]
    runtime.write_private(str(home / "bell"), b"\0".join(os.fsencode(word) for word in words))


def write_wired(home: Path, on: frozenset[str]) -> None:
    """Remember which guards were switched on when the events were wired."""
    runtime.write_private(str(home / "wired"), " ".join(sorted(on)).encode() + b"\n")


def wired_for(home: Path) -> frozenset[str] | None:
    """The guards that were switched on when the events were wired; None where nothing is wired, or by an older us."""
    try:
        return frozenset((home / "wired").read_text("utf-8").split())
    except (OSError, ValueError):
        return None


def _files(source: Path) -> dict[str, bytes]:
    """The hook scripts and all of ours that they import, directly or not, at the top or only when they have to act."""
    root = Path(governor.__file__).resolve().parent.parent
    found = {f"hooks/{name}": (source / name).read_bytes() for name in scripts(source)}
    waiting = list(found.values())
    while waiting:
        for path in _imported(waiting.pop()):
            if path not in found and (root / path).is_file():
                found[path] = (root / path).read_bytes()
                waiting.append(found[path])
    return found


def _imported(code: bytes) -> set[str]:
    """Every file of ours that this code may mean by its imports; some will not exist."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    paths = {name.replace(".", "/") for name in names if name.split(".")[0] == "governor"}
    files = {f"{path}.py" for path in paths} | {f"{path}/__init__.py" for path in paths}
    return files | ({"governor/__init__.py"} if paths else set())


def _digest(files: dict[str, bytes]) -> str:
    """Of every name and byte, and of the interpreter that compiles them."""
    whole = hashlib.sha256(str(sys.implementation.cache_tag).encode())
    for path, content in sorted(files.items()):  # found by way of sets, in another order every time
        whole.update(f"\0{path}\0{len(content)}\0".encode() + content)
    return whole.hexdigest()[:12]


def _is_intact(folder: Path, files: dict[str, bytes], name: str) -> bool:
    if not folder.name.startswith(name):
        return False
    try:
        return all((folder / path).read_bytes() == content for path, content in files.items())
    except OSError:
        return False


def _sweep(home: Path, keep: str) -> None:
    for folder in home.glob("runtime-*"):
        if folder.is_symlink():
            folder.unlink()
        elif folder.name != keep and not folder.name.endswith(".old"):
            shutil.rmtree(folder, ignore_errors=True)
