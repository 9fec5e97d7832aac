"""Makes the tree of Claude Code transcripts that the other benchmarks read: about 1 GB in 3,094 files, always the same.

Its shape follows what was measured in 900 real sessions: one line per content block with the usage repeated,
forks that copy their parent's lines, subagents in files of their own, file sizes spread log-normally around 190 KB,
four fifths of the bytes in lines without usage. A small share is awkward on purpose: usage quoted inside text, usage
of a tool's result, placeholders for output on early lines, files whose JSON has spaces.

``--long`` makes fewer and longer lines, as other people's trees have: three fifths of the lines state usage, and the
answers in them are long (1 GB in about 370,000 lines of 2.8 KB, 225,000 of them with usage).

``truth.json`` beside it holds the sums by the rule "each message id once, with its largest output".

    python benchmarks/tree.py [--files 3094] [--long] [FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

CACHE = Path(__file__).parent / ".cache"
FILES, MAIN_SHARE, AGENT_SHARE = 3094, 998 / 3094, 1530 / 3094  # the rest are forks
PROJECTS, DAYS = 40, 90
LAST_DAY = datetime(2026, 11, 20, tzinfo=UTC)
MODELS = ("claude-opus-4-8", "claude-sonnet-4-6", "claude-haiku-4-5-20251001", "claude-fable-5")
MODEL_WEIGHTS = (50, 30, 12, 8)
VERSIONS = ("2.1.205", "2.1.219", "2.1.235", "2.1.299")
AGENTS = ("Explore", "general-purpose", "Plan", "code-reviewer")
LINES_PER_RESPONSE, LINES_WEIGHTS = (1, 2, 3, 4), (30, 46, 18, 6)
KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
ANSWER, RESULT, NOISE = 160, 7.58, 0.62  # bytes of an answer's block, log bytes of a tool's result, other lines
LONG_ANSWER, LONG_RESULT, LONG_NOISE = 750, 7.5, 0.12
CELL = 32  # filler is cut at multiples of this, so that no escape is ever cut in two


def filler(rng: Random, cells: int = 60_000) -> str:
    """Text as it stands inside a JSON string: words, escaped newlines, now and then a quoted usage block."""
    words = [
        "".join(rng.choices("etaoinshrdlucmfwypvbgkjqxz", range(26, 0, -1), k=rng.randint(2, 9))) for _ in range(800)
    ]
    made = []
    for number in range(cells):
        if number % 20_000 == 777:
            made.append('\\"usage\\":{\\"input_tokens\\":7}'.ljust(CELL))
            continue
        cell = ""
        while len(cell) < CELL - 12:
            cell += rng.choice(words) + " "
        made.append((cell + rng.choice(("\\n", "\\n", "\\t", '\\"', ": ", "();", "/"))).ljust(CELL, "."))
    return "".join(made)


class Writer:
    """Writes sessions, and adds up what they truly used."""

    def __init__(self, root: Path, seed: str, *, long: bool = False) -> None:
        self.root = root
        self.answer, self.result, self.noise = (
            (LONG_ANSWER, LONG_RESULT, LONG_NOISE) if long else (ANSWER, RESULT, NOISE)
        )
        self.rng = Random(seed)
        self.text = filler(self.rng)
        self.cells = len(self.text) // CELL
        self.truth: dict[str, dict[str, dict[str, int]]] = {"days": {}, "models": {}}
        self.files = self.bytes = self.lines = self.usage_lines = self.requests = 0

    def words(self, size: float) -> str:
        """About ``size`` bytes of filler."""
        cells = min(max(int(size) // CELL, 1), self.cells - 1)
        start = int(self.rng.random() * (self.cells - cells)) * CELL
        return self.text[start : start + cells * CELL]

    def uuid(self) -> str:
        h = f"{self.rng.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"

    def identity(self) -> str:
        return f"01{self.rng.getrandbits(110):028X}"[:24]

    def count(self, at: float, model: str, spent: tuple[int, ...]) -> None:
        self.requests += 1
        day = time.strftime("%Y-%m-%d", time.gmtime(at))
        for table, name in (("days", day), ("models", model)):
            row = self.truth[table].setdefault(name, dict.fromkeys(("requests", *KINDS), 0))
            row["requests"] += 1
            for kind, tokens in zip(KINDS, spent, strict=True):
                row[kind] += tokens

    def put(self, path: Path, lines: list[str], *, spaced: bool = False) -> None:
        if spaced:
            lines = [json.dumps(json.loads(line)) for line in lines]
        data = ("\n".join(lines) + "\n").encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.files += 1
        self.bytes += len(data)
        self.lines += len(lines)
        self.usage_lines += sum('"cache_creation_input_tokens"' in line for line in lines)


class Session:
    """One transcript in the making: a clock, a growing context, and the fields that all its lines share."""

    def __init__(self, out: Writer, project: str, begin: float, *, agent: str = "", session_id: str = "") -> None:
        rng = out.rng
        self.out = out
        self.id = session_id or out.uuid()
        self.at = begin
        self.agent = agent
        self.parent = "null"
        self.model = rng.choices(MODELS, MODEL_WEIGHTS)[0]
        self.context = rng.randint(14_000, 26_000)
        self.placeholders = rng.random() < 0.1  # as clients up to 2.1.96 wrote
        self.hour = rng.random() < 0.3  # cache writes for one hour rather than five minutes
        self.tail = (
            f'"userType":"external","entrypoint":"cli","cwd":"/home/dev/{project}","sessionId":"{self.id}",'
            f'"version":"{rng.choice(VERSIONS)}","gitBranch":"{rng.choice(("main", "main", "feature/x", "fix/y"))}"'
        )
        self.head = '"isSidechain":true,"agentId":"%s",' % agent if agent else '"isSidechain":false,'  # noqa: UP031
        self.lines: list[str] = []
        self.spawned: list[str] = []

    def line(self, body: str) -> None:
        uuid = f'"{self.out.uuid()}"'
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.at)) + f".{int(self.at * 1000) % 1000:03d}Z"
        self.lines.append(
            f'{{"parentUuid":{self.parent},{self.head}{body},"uuid":{uuid},"timestamp":"{stamp}",{self.tail}}}'
        )
        self.parent = uuid

    def grow(self, size: float) -> Session:
        """Add turns until ``size`` bytes are there."""
        rng = self.out.rng
        begun = sum(map(len, self.lines))
        target = begun + size
        done = 0
        while begun < target:
            self.at += rng.expovariate(1 / 90)
            words = self.out.words(rng.expovariate(1 / 300))
            said = f'"message":{{"role":"user","content":"{words}"}}'
            self.line(f'"promptId":"{self.out.uuid()}","type":"user",{said}')
            for _ in range(rng.randint(1, 14)):
                self.response()
            begun += sum(map(len, self.lines[done:]))
            done = len(self.lines)
        return self

    def response(self) -> None:
        """One model response, one line per content block, then what its tools returned."""
        out, rng = self.out, self.out.rng
        self.at += 2 + rng.expovariate(1 / 8)
        fresh = rng.randint(1, 12)
        written = int(rng.lognormvariate(7.2, 1.1))
        read = self.context
        output = 8 + int(rng.lognormvariate(5.4, 1.2))
        five, hour = (0, written) if self.hour else (written, 0)
        self.context = min(read + written, 400_000) if read < 380_000 else 30_000
        out.count(self.at, self.model, (fresh, output, read, five, hour))
        message, request = "msg_" + out.identity(), "req_" + out.identity()
        blocks = rng.choices(LINES_PER_RESPONSE, LINES_WEIGHTS)[0]
        tool = "toolu_" + out.identity()
        early = rng.randint(1, 8)
        for number in range(blocks):
            last = number == blocks - 1
            said = early if self.placeholders and not last else output
            usage = (
                f'"input_tokens":{fresh},"cache_creation_input_tokens":{written},"cache_read_input_tokens":{read},'
                f'"output_tokens":{said},"server_tool_use":{{"web_search_requests":0,"web_fetch_requests":0}},'
                '"service_tier":"standard",'
                f'"cache_creation":{{"ephemeral_1h_input_tokens":{hour},"ephemeral_5m_input_tokens":{five}}},'
                f'"inference_geo":"not_available","iterations":[{{"input_tokens":{fresh},"output_tokens":{said},'
                f'"cache_read_input_tokens":{read},"cache_creation_input_tokens":{written},"cache_creation":'
                f'{{"ephemeral_5m_input_tokens":{five},"ephemeral_1h_input_tokens":{hour}}},"type":"message"}}],'
                '"speed":"standard"'
            )
            if not last:
                block = f'{{"type":"text","text":"{out.words(rng.expovariate(1 / out.answer))}"}}'
            else:
                extra = '"usage":{"limit":5},' if rng.random() < 0.005 else ""
                block = (
                    f'{{"type":"tool_use","id":"{tool}","name":"Bash","input":{{{extra}'
                    f'"command":"{out.words(rng.expovariate(1 / out.answer))}"}},"caller":{{"type":"direct"}}}}'
                )
            stop = '"tool_use"' if last or not self.placeholders else "null"
            credit = '"attributionAgent":"Explore",' if self.agent else ""
            self.line(
                f'"message":{{"model":"{self.model}","id":"{message}","type":"message","role":"assistant",'
                f'"content":[{block}],"stop_reason":{stop},"stop_sequence":null,"stop_details":null,"usage":{{{usage}}},'
                f'"diagnostics":null}},"requestId":"{request}",{credit}"type":"assistant"'
            )
            self.at += rng.random()
        self.result(tool)
        while rng.random() < out.noise:
            self.line(rng.choice((self._hook, self._attachment, self._system))())

    def result(self, tool: str) -> None:
        """A tool's result; now and then a subagent's, whose summary holds a usage block that is not to be counted."""
        out, rng = self.out, self.out.rng
        self.at += rng.expovariate(1 / 6)
        text = out.words(rng.lognormvariate(out.result, 1.3))
        more = '"toolUseResult":{"stdout":"","stderr":"","interrupted":false}'
        if self.spawned:
            more = (
                f'"toolUseResult":{{"status":"completed","agentId":"{self.spawned.pop()}","totalTokens":51234,'
                '"usage":{"input_tokens":4,"cache_creation_input_tokens":811,"cache_read_input_tokens":48211,'
                '"output_tokens":2208}}'
            )
        self.line(
            f'"type":"user","message":{{"role":"user","content":[{{"tool_use_id":"{tool}","type":"tool_result",'
            f'"content":"{text}"}}]}},{more}'
        )

    def _hook(self) -> str:
        return (
            '"type":"progress","data":{"type":"hook_progress","hookEvent":"PostToolUse","hookName":"PostToolUse:Bash",'
            f'"command":"callback"}},"toolUseID":"toolu_{self.out.identity()}"'
        )

    def _attachment(self) -> str:
        size = self.out.rng.expovariate(1 / 1500)
        return f'"type":"attachment","attachment":{{"type":"file","content":"{self.out.words(size)}"}}'

    def _system(self) -> str:
        return (
            f'"type":"system","subtype":"turn_duration","durationMs":{self.out.rng.randint(900, 90_000)},"isMeta":false'
        )

    def fork(self) -> Session:
        """``--resume --fork-session``: earlier lines copied under a new session id, then turns of its own."""
        rng = self.out.rng
        copy = Session(self.out, "p", self.at + rng.expovariate(1 / 7200))
        copy.model, copy.placeholders, copy.hour, copy.parent = self.model, self.placeholders, self.hour, self.parent
        copy.tail = self.tail.replace(self.id, copy.id)
        kept = self.lines[: max(1, int(len(self.lines) * rng.uniform(0.6, 1.05)))]  # may end inside a response
        copy.lines = [line.replace(self.id, copy.id) for line in kept]
        return copy.grow(rng.uniform(0.05, 0.3) * sum(map(len, kept)))


def make(folder: Path, files: int = FILES, *, long: bool = False) -> dict[str, Any]:
    """The tree in ``folder``/projects and its truth, made once; an existing one of the same recipe is kept."""
    recipe = hashlib.sha256(Path(__file__).read_bytes() + f"{files}{' long' * long}".encode()).hexdigest()[:16]
    try:
        known = json.loads((folder / "truth.json").read_text())
        if known["recipe"] == recipe:
            return dict(known)
    except (OSError, ValueError, KeyError):
        pass
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    out = Writer(folder, "governor", long=long)
    rng = out.rng
    mains, agents = round(files * MAIN_SHARE), round(files * AGENT_SHARE)
    agents_of: dict[int, int] = defaultdict(int)
    forks_of: dict[int, int] = defaultdict(int)
    for _ in range(agents):
        agents_of[rng.randrange(mains)] += 1
    for _ in range(files - mains - agents):
        forks_of[rng.randrange(mains)] += 1
    first = (LAST_DAY - timedelta(days=DAYS)).timestamp()
    for number in range(mains):
        project = f"project-{min(int(rng.expovariate(1 / 9)), PROJECTS - 1):02d}"
        home = folder / "projects" / f"-home-dev-{project}"
        main = Session(out, project, first + rng.random() * DAYS * 86_400)
        names = [f"a{rng.getrandbits(64):016x}" for _ in range(agents_of[number])]
        main.spawned = list(names)
        main.grow(_size(rng))
        out.put(home / f"{main.id}.jsonl", main.lines, spaced=number % 200 == 50)
        for name in names:
            agent = Session(out, project, main.at, agent=name, session_id=main.id).grow(_size(rng))
            place = home / main.id / "subagents" / f"agent-{name}"
            out.put(place.with_suffix(".jsonl"), agent.lines)
            place.with_suffix(".meta.json").write_text('{"agentType":"%s"}' % rng.choice(AGENTS))  # noqa: UP031
        for _ in range(forks_of[number]):
            fork = main.fork()
            out.put(home / f"{fork.id}.jsonl", fork.lines)
    total = {name: sum(row[name] for row in out.truth["models"].values()) for name in ("requests", *KINDS)}
    truth = {
        "recipe": recipe,
        "files": out.files,
        "bytes": out.bytes,
        "lines": out.lines,
        "usage_lines": out.usage_lines,
        "total": total,
        **{table: dict(sorted(rows.items())) for table, rows in out.truth.items()},
    }
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    return truth


def _size(rng: Random) -> float:
    """Median 153 KB before the last turn is rounded up, 90th percentile 4.3 times that, at most 7.5 MB."""
    return min(rng.lognormvariate(11.94, 1.14), 7.5e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=CACHE / "tree")
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--long", action="store_true")
    chosen = parser.parse_args()
    truth = make(chosen.folder, chosen.files, long=chosen.long)
    print({name: truth[name] for name in ("files", "bytes", "lines", "usage_lines", "total")})


if __name__ == "__main__":
    main()
