"""Is a person there to answer? The one place that says so, for every guard that would hold a prompt or ask.

Where nobody is there, a held prompt ends the run with exit 0 and nothing done, and an ``ask`` is a plain refusal. So a
guard then goes on and leaves a record, unless the person chose that it holds or stops.

Seen on Claude Code 2.1.332: hooks get ``CLAUDE_CODE_SESSION_ATTENDED`` (1 in the terminal, 0 in ``-p``) and
``CLAUDE_CODE_ENTRYPOINT`` (``cli``, or ``sdk-cli`` in ``-p``); the prompt of a ``-p`` run has no ``source``. Seen on
Codex 0.171.0: the environment says nothing. ``codex exec`` forces approvals to ``never``, which hooks get as
``permission_mode: bypassPermissions``; its terminal has that too once the person chose it or took up such a thread. So
the client's own command line decides, and it outranks the rollout's ``source``, which stays what it was on a resume.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

MACHINE_PROMPTS = ("<task-notification>", "<system-reminder>", "<command-")
CODEX_ALONE = ("exec", "e", "review")  # subcommands that run without a person


def is_attended(
    event: Mapping[str, Any],
    environ: Mapping[str, str],
    lane: str,
    *,
    command: Callable[[], Sequence[str]] = tuple,
) -> bool:
    """Can somebody answer what a hook would ask at this event?

    ``environ`` is the hook process's own. ``command`` gives the words after the client's name on its command line
    (``governor.hooks.state.client_process``); it is called only where nothing cheaper tells, and () means that they are not known.
    A session without any sign counts as attended.
    """
    if event.get("hook_event_name", "UserPromptSubmit") == "UserPromptSubmit" and is_machine(event):
        return False
    if lane == "codex":
        return event.get("permission_mode") != "bypassPermissions" or not _is_alone(command())
    if event.get("permission_mode") == "dontAsk":
        return False  # the client answers every question with no
    stated = environ.get("CLAUDE_CODE_SESSION_ATTENDED", "")
    if stated in ("0", "1"):
        return stated == "1"
    return not environ.get("CLAUDE_CODE_ENTRYPOINT", "").startswith("sdk")


def is_machine(event: Mapping[str, Any]) -> bool:
    """Was this prompt sent by a loop, a schedule or a finished background agent rather than typed?"""
    if event.get("source", "user") != "user" or "agent_id" in event:
        return True
    prompt = event.get("prompt")
    return isinstance(prompt, str) and prompt.lstrip().startswith(MACHINE_PROMPTS)


def _is_alone(words: Sequence[str]) -> bool:
    from governor.clients.argv import parts  # knows which of Codex's options take a value

    subcommand = next((part.words[0] for part in parts(words, lane="codex") if not part.name), "")
    return subcommand in CODEX_ALONE
