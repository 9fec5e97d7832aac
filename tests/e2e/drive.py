"""Drivers: one home, one stand-in, one real client, started the way a person or a script would start it.

Every client gets a bare environment and a throw-away home; the stand-in's loopback address is the only one it knows.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .namespace import Namespace
from .standin import Standin
from .terminal import PROMPT, Terminal

ROOT = Path(__file__).parents[2]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RUN_S = 60  # a run takes a few seconds; more means it hangs
# Given for the run alone: kept in .claude.json the client would move it into the person's settings.json by itself.
ACCEPTED = '{"skipDangerousModePermissionPrompt": true}'
Record = dict[str, Any]


def records(path: Path) -> list[Record]:
    """The lines of a transcript, rollout or stream."""
    return [json.loads(line) for line in path.read_text().split("\n") if line]


@dataclass(frozen=True)
class Run:
    """How one headless run ended."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[Record]:
        """Standard output as JSON lines; other lines are left out."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def result(self) -> Record:
        """The closing event of a Claude Code run: ``result``, ``session_id``, ``total_cost_usd``, ``is_error``..."""
        return next(event for event in reversed(self.events) if event.get("type") == "result")


class _Client:
    """What both clients share."""

    def __init__(self, *, program: Path, home: Path, namespace: Namespace, standin: Standin) -> None:
        self.program = program
        self.home = home
        self.namespace = namespace
        self.standin = standin
        self.project = home / "project"
        self.project.mkdir(parents=True, exist_ok=True)
        self.extra_env: dict[str, str] = {}

    def env(self) -> dict[str, str]:
        """The whole environment of the client."""
        return {"HOME": str(self.home), "PATH": PATH, "LANG": "C.UTF-8", "SHELL": "/bin/sh", **self.extra_env}

    def run(self, arguments: Sequence[str], *, cwd: Path | None = None, stdin: str = "", seconds: float = RUN_S) -> Run:
        """Run the client once, headless, and wait for its end."""
        process = self.namespace.start(
            [str(self.program), *arguments], env=self.env(), cwd=str(cwd or self.project), stdin=subprocess.PIPE
        )
        try:
            out, err = process.communicate(stdin, timeout=seconds)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"{self.program.name} still ran after {seconds:g} s: {late.stdout!r}") from late
        return Run(process.returncode, out, err)


class ClaudeCode(_Client):
    """Claude Code as a subscriber sees it (``api_key`` instead: as one who pays by the token)."""

    def __init__(self, *, program: Path, home: Path, namespace: Namespace, standin: Standin) -> None:
        super().__init__(program=program, home=home, namespace=namespace, standin=standin)
        self.config = home / ".claude"
        self.config.mkdir(exist_ok=True)
        self.subscriber = True
        self.trust(self.project)

    def env(self) -> dict[str, str]:
        token = (
            {"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-local"}
            if self.subscriber
            else {"ANTHROPIC_API_KEY": "sk-ant-api03-local"}
        )
        return {
            "ANTHROPIC_BASE_URL": self.standin.url,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "IS_SANDBOX": "1",  # permits bypassPermissions to root
            **token,
            **super().env(),
        }

    def trust(self, *folders: Path) -> None:
        """Answer the questions of a first start in advance."""
        path = self.home / ".claude.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        known |= {"hasCompletedOnboarding": True, "theme": "dark"}
        projects = known.setdefault("projects", {})
        for folder in folders:
            projects.setdefault(str(folder), {})["hasTrustDialogAccepted"] = True
        path.write_text(json.dumps(known))

    def settings(self, value: Mapping[str, Any]) -> Path:
        """Write the person's settings.json."""
        path = self.config / "settings.json"
        path.write_text(json.dumps(value, indent=2))
        return path

    def print(
        self,
        prompt: str,
        *args: str,
        cwd: Path | None = None,
        resume: str | None = None,
        fork: bool = False,
        stream: bool = False,
        model: str | None = None,
    ) -> Run:
        """One headless turn (``-p``), every tool allowed. ``resume`` takes a session id; ``fork`` copies it first."""
        arguments = ["-p", prompt, "--permission-mode", "bypassPermissions"]
        arguments += ["--output-format", "stream-json", "--verbose"] if stream else ["--output-format", "json"]
        arguments += ["--model", model] if model else []
        arguments += ["--resume", resume] if resume else []
        arguments += ["--fork-session"] if fork else []
        return self.run([*arguments, *args], cwd=cwd)

    def terminal(self, *args: str, cwd: Path | None = None, bypass: bool = True, model: str | None = None) -> Terminal:
        """The interactive client, ready for typing."""
        arguments = [str(self.program), *args]
        arguments += ["--permission-mode", "bypassPermissions", "--settings", ACCEPTED] if bypass else []
        arguments += ["--model", model] if model else []
        terminal = Terminal(self.namespace, arguments, env=self.env(), cwd=cwd or self.project)
        try:
            terminal.wait_for(PROMPT)
        except BaseException:
            terminal.close()
            raise
        return terminal

    def leave(self, terminal: Terminal) -> None:
        """End the interactive client the ordinary way."""
        terminal.type("/exit")
        terminal.wait_for_end()

    def transcripts(self) -> list[Path]:
        """Every session's own file, oldest first; subagents' files lie deeper."""
        return sorted(self.config.glob("projects/*/*.jsonl"), key=lambda path: path.stat().st_mtime_ns)

    def transcript(self, session: str) -> Path:
        return next(self.config.glob(f"projects/*/{session}.jsonl"))

    def subagents(self, session: str) -> list[Path]:
        """The transcripts of a session's subagents."""
        return sorted(self.config.glob(f"projects/*/{session}/subagents/**/agent-*.jsonl"))

    def cost(self, session: str) -> float:
        """The client's own total for a session, in USD: its last ``cost-state``; a fork's includes what it copied.

        Raises: AssertionError when the client has not written one yet; the interactive one does at its end.
        """
        states = [line for line in records(self.transcript(session)) if line["type"] == "cost-state"]
        assert states, f"session {session} has no cost-state yet"
        return float(states[-1]["totalCostUSD"])


class Codex(_Client):
    """Codex with a custom provider that is the stand-in; hooks are trusted for the run, as an automation would."""

    def __init__(self, *, program: Path, home: Path, namespace: Namespace, standin: Standin) -> None:
        super().__init__(program=program, home=home, namespace=namespace, standin=standin)
        self.config = home / ".codex"
        self.config.mkdir(exist_ok=True)
        (self.config / "config.toml").write_text(
            'model = "gpt-6-sol"\nmodel_provider = "mock"\n\n[model_providers.mock]\nname = "stand-in"\n'
            f'base_url = "{standin.url}/v1"\nwire_api = "responses"\nrequires_openai_auth = false\n'
            "supports_websockets = false\nrequest_max_retries = 0\nstream_max_retries = 0\n\n"
            # analytics: five seconds' wait at the end for a host it cannot reach; plugins: a clone from another
            "[analytics]\nenabled = false\n\n[features]\nplugins = false\n\n"
            f'[projects."{self.project}"]\ntrust_level = "trusted"\n'
        )

    def env(self) -> dict[str, str]:
        return {"CODEX_HOME": str(self.config), **super().env()}

    def hooks(self, value: Mapping[str, Any]) -> Path:
        """Write the person's hooks.json."""
        path = self.config / "hooks.json"
        path.write_text(json.dumps({"hooks": value}, indent=2))
        return path

    def exec(self, prompt: str, *args: str, cwd: Path | None = None, trust_hooks: bool = True) -> Run:
        """One headless turn."""
        arguments = ["exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
        arguments += ["--dangerously-bypass-hook-trust"] if trust_hooks else []
        return self.run([*arguments, *args, "--", prompt], cwd=cwd)

    def rollouts(self) -> list[Path]:
        """Every thread's file, oldest first."""
        return sorted(self.config.glob("sessions/*/*/*/rollout-*.jsonl"), key=lambda path: path.stat().st_mtime_ns)


class Governor(_Client):
    """The command line under test, run by the same person: same home, same namespace, nothing in the environment."""

    def env(self) -> dict[str, str]:
        return {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", **super().env()}

    def __call__(self, *args: str, stdin: str = "", cwd: Path | None = None) -> Run:
        """``governor("status", "--json")``."""
        return self.run(["-m", "governor", *args], stdin=stdin, cwd=cwd)

    def install(self, *which: str) -> None:
        """``governor install``, which has to work and to complain of nothing."""
        done = self("install", *which)
        assert (0, "") == (done.code, done.err), done.out

    def json(self, *args: str) -> Record:
        """What a reading command says with ``--json``.

        Raises: AssertionError with its complaint when it fails.
        """
        run = self(*args, "--json")
        assert run.code == 0, f"governor {' '.join(args)} ended with {run.code}: {run.err or run.out}"
        said: Record = json.loads(run.out)
        return said
