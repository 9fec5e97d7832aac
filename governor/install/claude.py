"""Claude Code: where its settings lie, whose statusLine wins, and what keeps hooks from running at all.

Precedence, highest first: local, project, user. Hooks of all three add up; ``statusLine`` is one object and the highest
wins, so our tap must carry on whatever line would have shown in its place.
"""

from __future__ import annotations

from pathlib import Path

from governor import paths
from governor.errors import SettingsError
from governor.install import change, plan
from governor.install.manifest import Entries
from governor.install.target import Scope, Target, look

NO_COMMAND = "is not a plain command"


def targets(scope: Scope, folder: Path) -> list[Target]:
    """The settings files of one scope for a session started in ``folder``.

    The user may have several config folders; those after the first count only if the client has lived in them.
    """
    if scope == "project":
        return [Target("claude", scope, folder / ".claude" / "settings.json")]
    if scope == "local":
        return [Target("claude", scope, repository(folder) / ".claude" / "settings.local.json")]
    first, *others = paths.claude_homes()
    lived_in = [home for home in others if (home / "settings.json").exists() or (home / ".claude.json").exists()]
    return [Target("claude", "user", home / "settings.json") for home in (first, *lived_in)]


def is_here() -> bool:
    """Has Claude Code ever run for this person?"""
    return any(home.is_dir() for home in paths.claude_homes())


def has_plugin(path: str) -> bool:
    """Is our plugin enabled in these settings? A folder given by ``--plugin-dir`` stands in none."""
    enabled = _leniently(Target("claude", "user", Path(path))).get("enabledPlugins")
    return isinstance(enabled, dict) and any(name.startswith("governor@") and on for name, on in enabled.items())


def repository(folder: Path) -> Path:
    """Where ``settings.local.json`` is looked for: the repository's root, or the folder itself outside of one."""
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)


def tap(
    target: Target,
    words: str,
    *,
    document: plan.Document,
    baseline: plan.Document,
    below: plan.Document,
    entries: Entries,
) -> change.StatusLinePlan:
    """Whether and how this file's statusLine becomes our tap.

    One tap passes its stdin on to one command. Where a second file has a statusLine of its own, that one is left as
    it is: losing sight of the official meter in one project is milder than losing somebody's line.
    """
    own = plan.foreign_line(baseline)
    if plan.has_tap(document):
        return change.StatusLinePlan(words, own or plan.foreign_line(below) if target.scope != "user" else own)
    if not plan.can_tap(document):
        note = (
            f"{target.path} has a statusLine that {NO_COMMAND}: left as it is. "
            "Sessions that use it do not report the official meter."
        )
        return change.StatusLinePlan(None, None, (note,))
    if document.get("statusLine") is None and plan.has_tap(below):
        return change.StatusLinePlan(None, None)  # the tap of a lower scope shows here anyway
    line = own or plan.foreign_line(below)
    chained = line["command"] if line else None
    others = [entry for entry in entries.values() if entry.is_tapped and entry.path != str(target.path)]
    if any(entry.chained != chained for entry in others):
        note = (
            f"The statusLine in {target.path} is left as it is: the tap already carries another one "
            f"({others[0].path}). Sessions that use this file do not report the official meter."
        )
        return change.StatusLinePlan(None, None, (note,))
    return change.StatusLinePlan(words, line)


def below(target: Target, folder: Path) -> plan.Document:
    """The document of the next lower scope that sets a statusLine, or an empty one. Unreadable files set none."""
    lower: dict[Scope, tuple[Scope, ...]] = {"user": (), "project": ("user",), "local": ("project", "user")}
    for scope in lower[target.scope]:
        document = _leniently(targets(scope, folder)[0])
        if document.get("statusLine") is not None:
            return document
    return {}


def notes(target: Target, document: plan.Document, folder: Path) -> list[str]:
    """What the person should know: things in the settings that keep our hooks or our tap from being run."""
    said = []
    if document.get("disableAllHooks") is True:
        said.append(
            f'{target.path} has "disableAllHooks": true, so no hook runs, ours included, until that is removed.'
        )
    if target.scope == "project":
        said.append(
            f"{target.path} is usually committed, and the commands in it name this machine's folders; elsewhere they "
            "do nothing. To keep them to yourself: governor uninstall --scope project; governor install --scope local"
        )
    if target.scope == "user" and target.path.parent != folder / ".claude":
        scopes: tuple[Scope, Scope] = ("local", "project")
        for scope in scopes:
            other = targets(scope, folder)[0]
            if plan.foreign_line(_leniently(other)) is not None:
                said.append(
                    f"{other.path} has a statusLine of its own, which wins in this project. To read the official "
                    "meter here too: governor install --claude --scope local"
                )
                break
    return said


def _leniently(target: Target) -> plan.Document:
    try:
        return change.document_of(target, look(target))
    except SettingsError:
        return {}
