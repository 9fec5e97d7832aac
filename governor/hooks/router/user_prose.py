"""The part of a prompt that a person typed as prose, cut into sentences.

Hosts submit prompts of their own (finished background agents, loop wake-ups, summaries), and people paste logs, code
and each other's mail. None of that is an order, so none of it may be read as one.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    # words in lower case with "," between clauses; stood in a list; was a question
    Sentence = tuple[list[str], bool, bool]

LONG = 6000  # characters; of a longer prompt only the person's first HEAD and last TAIL are read: the rest was pasted
HUGE = 2**18  # characters; nothing at all is read beyond, so that no prompt can hold a hook up
HEAD = 1500
TAIL = 500
LONGEST = 80  # words; no sentence of prose is longer, and reading one costs its length squared
GAP = "_"  # stands where code or a quotation was

NOT_TYPED = ("<", "/", "!", "Caveat: The messages below", "This session is being continued", "[Request interrupted")
MACHINE_TAGS = ("system-reminder", "task-notification", "local-command-stdout", "command-name", "command-message")
LOG_STARTS = ("Traceback (", 'File "', "$ ", "@@ ", "diff --git", "+++ ", "--- ", "npm ERR", "error[")
LOG_LEVELS = ("ERROR", "WARN", "WARNING", "INFO", "DEBUG", "FATAL", "FAIL", "FAILED", "PASS", "TRACE")


def own_words(prompt: object) -> str:
    """The part of a prompt its author wrote as prose: no machine's text, code, quotation, log line or paste."""
    if not isinstance(prompt, str) or prompt.lstrip()[:40].startswith(NOT_TYPED):
        return ""
    text = prompt[:HUGE]
    for tag in MACHINE_TAGS:
        first, *others = text.split(f"<{tag}>")
        text = first + "".join(other.partition(f"</{tag}>")[2] for other in others)
    text = _prose(text)
    if len(prompt) > LONG and len(text) > HEAD + TAIL:
        tail = text[-TAIL:]
        cut = max(tail.find("\n"), tail.find(". "))
        text = text[:HEAD] + "\n\n" + (tail[cut + 1 :] if cut >= 0 else "")
    return "\n".join(_unquoted(line) for line in _without_quotations(text).split("\n"))


def _prose(text: str) -> str:
    """Without fenced or indented code, block quotes and lines a program wrote."""
    kept: list[str] = []
    fence = ""
    for line in text.splitlines():
        bare = line.lstrip()
        if fence:
            if bare.startswith(fence):
                fence = ""
            continue
        if bare.startswith(("```", "~~~")):
            fence = bare[0] * (len(bare) - len(bare.lstrip(bare[0])))
            if fence not in bare[len(fence) :]:
                kept.append("")
                continue
            fence = ""  # opened and closed on one line
        indented = line.startswith(("    ", "\t")) and not _bullet(bare)
        kept.append("" if indented or bare.startswith((">", *LOG_STARTS)) or _logged(bare) else line)
    return "\n".join(kept)


def _logged(bare: str) -> bool:
    first = bare.split(None, 1)[0] if bare else ""
    head, colon, rest = first.partition(":")
    return (
        (first[:4].isdigit() and first[4:5] in ("-", "/"))
        or (bool(colon) and "." in head and rest[:1].isdigit())  # file.ts:12
        or first.endswith(("Error:", "Exception:", "error:", "warning:"))
        or first.strip("[]:") in LOG_LEVELS
        or (first == "at" and "(" in bare)
    )


def _without_quotations(text: str) -> str:
    for mark in ("“", "”", "«", "»"):
        text = text.replace(mark, '"')
    for marker in ("[Pasted", "[Image"):
        while (start := text.find(marker)) >= 0:
            end = text.find("]", start)
            text = f"{text[:start]} {GAP} {text[end + 1 :] if end >= 0 else ''}"
    paragraphs = text.replace("’", "'").split("\n\n")
    return "\n\n".join(_between(paragraph, '"') for paragraph in paragraphs)


def _between(text: str, mark: str) -> str:
    """``text`` with what stands between two marks replaced by a gap; a mark without a partner is a plain character."""
    parts = text.split(mark)
    kept = [part if i % 2 == 0 or i == len(parts) - 1 else f" {GAP} " for i, part in enumerate(parts)]
    return "".join(kept)


def _unquoted(line: str) -> str:
    words = _between(line.replace("```", "`").replace("``", "`"), "`").split(" ")
    at = 0
    while at < len(words):
        if words[at].startswith("'") and len(words[at]) > 1:
            for end in range(at, min(at + 20, len(words))):
                if words[end].rstrip(".,;:!?)").endswith("'"):
                    words[at : end + 1] = [GAP]
                    break
        at += 1
    return " ".join(words)


def _bullet(bare: str) -> int:
    """How many characters of a line are its bullet or number."""
    if bare.startswith(("- [ ] ", "* [ ] ", "- [x] ")):
        return 6
    if bare.startswith(("- ", "* ", "• ", "+ ")):
        return 2
    digits = len(bare) - len(bare.lstrip("0123456789"))
    return digits + 2 if 0 < digits < 3 and bare[digits : digits + 2] in (". ", ") ") else 0


def sentences(text: str) -> list[Sentence]:
    """The sentences of ``own_words``; a line that begins in lower case goes on where the last one stopped."""
    lines: list[tuple[str, bool]] = []
    for line in text.split("\n"):
        bare = line.strip()
        size = _bullet(bare)
        wrapped = bool(bare) and not size and bare[0].islower()
        if lines and lines[-1][0] and (wrapped or (size and lines[-1][0].endswith(":"))):
            lines[-1] = (f"{lines[-1][0]} {bare[size:]}", lines[-1][1] or bool(size))
        else:
            lines.append((bare[size:], bool(size)))
    found: list[Sentence] = []
    for line, bulleted in lines:
        words: list[str] = []
        for raw in line.split():
            word = raw.strip(".,;:!?()[]{}<>\"'*#—–-").casefold()
            if "*." in raw[:-1] or "**/" in raw:
                word = "*."
            if raw[0] == "(" or not word:
                words.append(",")
            if word:
                words.append(word)
            end = raw.rstrip(")]*\"'")[-1:]
            if end in (",", ":"):
                words.append(",")
            ended = end and end in ".!?;" and word not in ("e.g", "i.e", "etc", "vs", "incl")
            if ended or len(words) >= LONGEST:
                found.append((words, bulleted, end == "?"))
                words = []
        if words:
            found.append((words, bulleted, False))
    return found
