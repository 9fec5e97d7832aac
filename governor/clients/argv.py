"""Command lines of the two clients, taken apart into options with their values and what stands between them.

Needed to add an option of ours without touching what the person wrote, and to leave out the prompt when a session is
resumed. The tables are those of ``claude --help`` (2.1.330) and ``codex exec --help`` (0.169.0); an option they do not
name is taken to stand alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


def _names(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


CLAUDE_VALUE = _names(
    "--agent --agents --append-system-prompt --append-system-prompt-file --autocompact --debug-file --effort "
    "--environment --fallback-model --input-format --json-schema --max-budget-usd --max-turns --model -n --name "
    "--output-format --permission-mode --permission-prompt-tool --permission-prompts --plugin-dir --plugin-url "
    "--remote-control-session-name-prefix --session-id --setting-sources --settings --system-prompt "
    "--system-prompt-file --system-prompt-snapshot"
)
CLAUDE_MAYBE = _names(
    "--cloud -d --debug --from-pr --prompt-suggestions --remote-control -r --resume --teleport -w --worktree"
)
CLAUDE_MANY = _names(
    "--add-dir --allowedTools --allowed-tools --betas --disallowedTools --disallowed-tools --file --mcp-config --tools"
)
CODEX_VALUE = _names(
    "-c --config --enable --disable -m --model --local-provider -p --profile -s --sandbox -C --cd --add-dir "
    "--thread-source --cyber-access-program --output-schema --color -o --output-last-message -a --ask-for-approval "
    "--remote --remote-auth-token-env"
)
CODEX_MANY = frozenset(("-i", "--image"))


class ArgvPart(NamedTuple):
    """One option with its values, or one word between options (``name`` empty)."""

    name: str
    words: tuple[str, ...]

    @property
    def value(self) -> str | None:
        """The (first) value of an option."""
        if "=" in self.words[0] and self.name.startswith("--"):
            return self.words[0].partition("=")[2]
        return self.words[1] if len(self.words) > 1 else None


def parts(words: Sequence[str], *, lane: str) -> list[ArgvPart]:
    """The words after the program's name. Put together again they are what came in (``joined``)."""
    takes_one = CLAUDE_VALUE if lane == "claude" else CODEX_VALUE
    takes_many = CLAUDE_MANY if lane == "claude" else CODEX_MANY
    may_take = CLAUDE_MAYBE if lane == "claude" else frozenset()
    found: list[ArgvPart] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            found.append(ArgvPart("--", ("--",)))
            found += [ArgvPart("", (rest,)) for rest in words[at + 1 :]]
            break
        if not word.startswith("-") or word == "-":
            found.append(ArgvPart("", (word,)))
            at += 1
            continue
        name = word.partition("=")[0] if word.startswith("--") else word
        end = at + 1
        if name == word and name in takes_one:
            end = min(end + 1, len(words))
        elif name == word and name in takes_many:
            while end < len(words) and not words[end].startswith("-"):
                end += 1
        elif name == word and name in may_take and end < len(words) and not words[end].startswith("-"):
            end += 1
        found.append(ArgvPart(name, tuple(words[at:end])))
        at = end
    return found


def joined(listed: Iterable[ArgvPart]) -> list[str]:
    """The words again."""
    return [word for part in listed for word in part.words]


def has(listed: Iterable[ArgvPart], *names: str) -> bool:
    """Is any of these options there?"""
    return any(part.name in names for part in listed)


def value(listed: Iterable[ArgvPart], *names: str) -> str | None:
    """The last value that one of these options was given."""
    given = [part.value for part in listed if part.name in names]
    return given[-1] if given else None
