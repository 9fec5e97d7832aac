"""`governor memory`: the compactor by hand. What the hook does by itself to an index, a person may do to any file."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from governor import paths
from governor.errors import BadInputError, StateError
from governor.hooks import runtime
from governor.hooks.memory import run as compactor
from governor.hooks.memory.rules import ARCHIVE, IndexLimits, Size, size_of
from governor.hooks.state import backups

FILE = click.argument("file", type=click.Path(dir_okay=False))
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")


@click.group()
def memory() -> None:
    """Keep a memory index within what the client loads of it."""


@memory.command()
@FILE
@JSON
def check(file: str, as_json: bool) -> None:
    """Compare FILE with its limits; exit 1 when it is over."""
    path, limits = _file(file), _limits()
    made = compactor.plan(path, limits)
    size, over = size_of(made.old.decode("utf-8", "surrogateescape")), _long_lines(made.old, limits)
    is_over = not size.fits(limits) or made.result.shortened > 0
    if as_json:
        _tell(
            "check",
            file=path,
            over=is_over,
            lines=size.lines,
            bytes=size.bytes,
            long_lines=over,
            limits=limits._asdict(),
            would_shorten=made.result.shortened,
            would_move=made.result.moved,
            watched=_is_watched(file),
        )
    else:
        click.echo(path)
        click.echo(f"  lines       {size.lines:>8,} of {limits.max_lines:,}")
        click.echo(f"  bytes       {size.bytes:>8,} of {limits.max_bytes:,}")
        click.echo(f"  long lines  {over:>8,} over {limits.line_chars:,} characters")
        if _is_watched(file):
            click.echo("  the hook watches this file")
        else:
            is_index = os.path.basename(path) == compactor.NAME
            why = "it lies in no client's memory folder" if is_index else f"its name is not {compactor.NAME}"
            click.echo(f"  the hook leaves this file alone: {why},")
            click.echo("  and memory.files in the budget file does not name it (governor config)")
        if made.result.shortened or made.result.moved:
            click.echo(f"  next: governor memory compact --dry-run {shlex.quote(file)}")
        elif not made.result.fits:
            click.echo("  Its headings, front matter and introduction alone are over: nothing can be moved for them.")
            click.echo(f"  next: shorten them by hand, then governor memory check {shlex.quote(file)}")
        else:
            click.echo(f"  nothing to do; next time: governor memory check {shlex.quote(file)}")
    if is_over:
        click.get_current_context().exit(1)


@memory.command()
@FILE
@click.option("--dry-run", is_flag=True, help="Show what would change and change nothing.")
@JSON
def compact(file: str, dry_run: bool, as_json: bool) -> None:
    """Shorten long lines of FILE and move its least recent entries to memory-archive.md beside it."""
    path, limits = _file(file), _limits()
    with _writing(path):
        made = compactor.plan(path, limits) if dry_run else None
        done = made or compactor.carry_out(path, limits, str(paths.claim_home()))
    changed = done is not None and done.new != done.old
    if done is None:  # nothing to do, as things stand
        made = compactor.plan(path, limits)
        if made.new != made.old:
            raise BadInputError(
                f"{path} was being changed just now, so it was left alone.",
                f"governor memory compact {shlex.quote(file)}",
            )
        done = made
    result = done.result
    before, after = _size(done.old), _size(done.new)
    if as_json:
        _tell(
            "compact",
            file=path,
            changed=changed and not dry_run,
            dry_run=dry_run,
            shortened=result.shortened,
            moved=result.moved,
            before=before._asdict(),
            after=after._asdict(),
            archive=os.path.join(os.path.dirname(path), ARCHIVE) if changed else None,
            fits=result.fits,
            diff=_diff(file, done) if dry_run else None,
        )
    elif not changed:
        click.echo(f"{path}: nothing to do.\n  next: governor memory check {shlex.quote(file)}")
    elif dry_run:
        click.echo(_diff(file, done), nl=False)
        click.echo(f"  next: governor memory compact {shlex.quote(file)}")
    else:
        click.echo(f"{path}: {result.shortened:,} lines shortened, {result.moved:,} entries moved out.")
        click.echo(f"  {before.lines:,} lines, {before.bytes:,} bytes -> {after.lines:,} lines, {after.bytes:,} bytes")
        click.echo(f"  full text: {os.path.join(os.path.dirname(path), ARCHIVE)}")
        click.echo(f"  undo: governor memory restore {shlex.quote(file)}")


@memory.command()
@FILE
@click.option("--version", "number", type=click.IntRange(min=1), default=1, help="Which original; 1 is the newest.")
@click.option("--list", "only_list", is_flag=True, help="List the originals that are kept.")
@click.option("--dry-run", is_flag=True, help="Say what would come back and change nothing.")
@JSON
def restore(file: str, number: int, only_list: bool, dry_run: bool, as_json: bool) -> None:
    """Bring back FILE as it was before a compaction, byte for byte."""
    path = _file(file)
    home = str(paths.home())
    kept = backups.versions(path, home)
    chosen = [version for version in kept if only_list or version.number == number]
    if not chosen and not only_list:
        raise BadInputError(
            f"There is no version {number} of {path} ({len(kept)} kept).",
            f"governor memory {'restore --list' if kept else 'check'} {shlex.quote(file)}",
        )
    is_done = not (only_list or dry_run)
    if is_done:
        with _writing(path):
            compactor.restore(path, number, home)
    if as_json:
        rows = [{"number": each.number, "saved_at": each.saved_at, "bytes": each.size} for each in chosen]
        _tell("restore", file=path, restored=is_done, dry_run=dry_run, versions=rows)
        return
    if not kept:
        click.echo(f"{path}: no original is kept; it was never compacted here.")
        click.echo(f"  next: governor memory check {shlex.quote(file)}")
    for version in chosen:
        click.echo(f"  {version.number:>3}  {version.saved_at}  {version.size:>8,} bytes")
    if not is_done and kept:
        click.echo(f"  next: governor memory restore --version {chosen[0].number} {shlex.quote(file)}")
    elif is_done:
        click.echo(f"{path} is as it was. The next edit of an index over its limits compacts it again.")
        click.echo(f"  undo: governor memory restore {shlex.quote(file)}; or keep it long: governor config")


def _file(given: str) -> str:
    path = compactor.resolve(given, os.getcwd())
    if path is None:
        raise BadInputError(
            f"{given} is a link that leads out of its folder, or the archive itself, so it was left alone.",
            f"governor memory check {shlex.quote(os.path.realpath(given))}",
        )
    return path


def _snapshot() -> dict[str, object]:
    return runtime.read_snapshot(str(paths.home()), "memory")[1]


def _limits() -> IndexLimits:
    """The limits the hook goes by."""
    return IndexLimits.from_snapshot(_snapshot())


def _is_watched(given: str) -> bool:
    files = _snapshot().get("files")
    named = [name for name in files if isinstance(name, str)] if isinstance(files, list) else []
    return compactor.locate(given, os.getcwd(), named) is not None


@contextmanager
def _writing(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise StateError(
            f"{path} was left as it is: {fault.filename or 'something'} cannot be written ({fault.strerror}).",
            f"ls -ld {shlex.quote(os.path.dirname(path))} {shlex.quote(str(paths.home()))}",
        ) from fault


def _size(data: bytes) -> Size:
    return size_of(data.decode("utf-8", "surrogateescape"))


def _long_lines(data: bytes, limits: IndexLimits) -> int:
    return sum(len(line.rstrip()) > limits.line_chars for line in data.decode("utf-8", "surrogateescape").splitlines())


def _diff(file: str, made: compactor.CompactionPlan) -> str:
    import difflib

    old, new = (data.decode("utf-8", "replace").splitlines(keepends=True) for data in (made.old, made.new))
    lines = difflib.unified_diff(old, new, file, f"{file} (compacted)")
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def _tell(command: str, **fields: object) -> None:
    json.dump({"schema": f"governor.memory.{command}/1", **fields}, sys.stdout)
    sys.stdout.write("\n")
