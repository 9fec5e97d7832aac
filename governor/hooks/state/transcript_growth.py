"""What a session's transcripts gained since they were last read, wherever they lie by now.

Clients move a session's transcript (``EnterWorktree``, seen on Claude Code 2.1.330), and people rename, copy and link
it. So a file is known by its device and inode and by the bytes before the place where reading stopped, never by its
path. A file that is not known is read from its beginning; whoever counts leaves out the responses it knows.

Runs inside hooks: the standard library's cheapest modules alone.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

AT_ONCE = 8 * 2**20  # bytes read at one event; a longer backlog is taken in over the next ones
DEPTH = 3  # of folders below a session's subagents
BEFORE = 512  # bytes before the place where reading stopped: a line's own id and time are among them
PRIME = 2**61 - 1
# A place is [offset, mark of the bytes before it, folder the file began in, was it read to its end once].


def is_transcript(path: object) -> bool:
    """May this be opened as a transcript? The path is the host's word."""
    return isinstance(path, str) and path.endswith(".jsonl") and "\0" not in path


def files(transcripts: Iterable[str]) -> Iterator[str]:
    """Each session file and its subagents' files, as far as they exist."""
    for path in transcripts:
        yield path
        yield from _below(f"{path[: -len('.jsonl')]}/subagents", DEPTH)


def _below(folder: str, depth: int) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.endswith(".jsonl"):
            yield entry.path
        elif depth > 1 and entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, depth - 1)


def agent_of(path: str) -> str:
    """Which subagent wrote this file; empty for the main thread."""
    name = os.path.basename(path)
    return name.removeprefix("agent-").removesuffix(".jsonl") if name.startswith("agent-") else ""


def skip(path: str, places: dict[str, Any], *, to: int | None = None) -> None:
    """Leave out what a file holds by now, or its first ``to`` bytes. A file that is known already stays where it is."""
    opened = _open(path)
    if opened is None:
        return
    descriptor, name, size = opened
    try:
        if name not in places:
            offset = size if to is None else min(to, size)
            places[name] = [offset, _mark(descriptor, offset), "", True]
    except OSError:
        pass
    finally:
        os.close(descriptor)


def has_grown(path: str, size: int) -> bool:
    """Is the file there, and of another size than was read?"""
    try:
        return os.stat(path).st_size != size
    except OSError:
        return False


class Growth:
    """What a file gained. ``again``: its lines may hold responses that were counted before. ``size``: bytes it had when
    it was looked at, -1 where more is left to read.
    """

    __slots__ = ("again", "lines", "project", "size")

    def __init__(self, lines: bytes = b"", project: str = "", *, again: bool = False, size: int = -1) -> None:
        self.lines = lines
        self.project = project  # the folder the file began in
        self.again = again
        self.size = size


def read(path: str, places: dict[str, Any], most: int) -> Growth:
    """The whole lines that were not read yet; moves the file's place in ``places`` on.

    At most ``most`` bytes; of a line that is longer, what there is of it: it is passed over. Nothing for what is no
    plain file.
    """
    opened = _open(path)
    if opened is None:
        return Growth()
    descriptor, name, size = opened
    try:
        offset, mark, project, at_end = places.get(name) or (0, 0, "", False)
        if size == offset:
            return Growth(project=project, size=size)
        if size < offset or _mark(descriptor, offset) != mark:
            offset, at_end = 0, False  # rewritten, or another file with a number that is used again
        data = os.pread(descriptor, max(most, 0), offset)
        end = data.rfind(b"\n") + 1
        lines = data[:end] if end or len(data) < most else data
        if lines:
            if not offset:
                project = _project(lines)
            offset += len(lines)
            places[name] = [offset, _mark(descriptor, offset), project, at_end or len(data) < most]
        return Growth(lines, project, again=not at_end, size=size if len(data) < most else -1)
    except OSError:
        return Growth()
    finally:
        os.close(descriptor)


def _open(path: str) -> tuple[int, str, int] | None:
    """(descriptor, name of its content, size) of a plain file, links followed; None for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        return None
    return descriptor, f"{about.st_dev}:{about.st_ino}", about.st_size


def _mark(descriptor: int, offset: int) -> int:
    """The bytes before ``offset`` as one number that no text can be read from."""
    start = max(offset - BEFORE, 0)
    return int.from_bytes(os.pread(descriptor, offset - start, start), "little") % PRIME


def _project(data: bytes) -> str:
    """The first folder that a transcript names, as the ledger takes it (governor.clients.claude.transcripts)."""
    from governor.hooks import fast_json

    text = data.partition(b'"cwd":')[2][:4096].lstrip()
    end = 1
    while (end := text.find(b'"', end)) > 0 and text[:end].endswith(b"\\"):
        end += 1
    try:
        project = fast_json.loads(text[: end + 1])
    except ValueError:
        return ""
    return project[:400] if isinstance(project, str) else ""
