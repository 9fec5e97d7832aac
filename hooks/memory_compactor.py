"""After an edit of a memory index: hold it within what the client loads, and tell the model in one sentence."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

if sys.version_info < (3, 9):
    from governor.hooks import old_python

    old_python.leave()
from governor.hooks import runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def wants(raw: bytes, ctx: runtime.HookContext) -> bool:
    """An index is named in the event, or the person named files of their own (the snapshot then says ``speak``)."""
    return b"MEMORY.md" in raw or not runtime.is_quiet(ctx.home, "memory")


def decide(event: "dict[str, Any]", ctx: runtime.HookContext) -> "runtime.Reply | None":
    from governor.hooks.memory.edits import edits, fits, matches

    snapshot = ctx.snapshot("memory")
    files = snapshot.get("files")
    named = [name for name in files if isinstance(name, str)] if isinstance(files, list) else []
    names = ["MEMORY.md", *map(os.path.basename, named)]
    cwd = event.get("cwd")
    cwd = cwd if isinstance(cwd, str) else ""
    written = {
        path: fresh
        for path, fresh in edits(event).items()
        if any(matches(os.path.basename(path), name) for name in names)
        and not fits(runtime.peek(os.path.join(cwd, path)), snapshot)
    }
    if not written:
        return None
    from governor.errors import GovernorError
    from governor.hooks.memory import run as memory_run
    from governor.hooks.memory.rules import IndexLimits, sentence

    changed: list[str] = []
    shortened = moved = 0
    for path, fresh in written.items():
        index = memory_run.locate(path, cwd, named)
        if index is None:
            continue
        try:
            done = memory_run.carry_out(index, IndexLimits.from_snapshot(snapshot), ctx.home, fresh=fresh)
        except GovernorError:  # no ordinary file, read-only, binary: left alone
            continue
        if done is not None:
            changed.append(os.path.basename(index))
            shortened += done.result.shortened
            moved += done.result.moved
    said = sentence(" and ".join(sorted(set(changed))), shortened=shortened, moved=moved)
    return (
        runtime.Reply(model=said, record={"decision": "cut", "rule": "memory", "shortened": shortened, "moved": moved})
        if said
        else None
    )


if __name__ == "__main__":
    runtime.run("memory_compactor", decide, wants=wants)
