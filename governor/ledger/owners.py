"""Which accounts the ledger knows, and what in it belongs to each.

The rules, in this order (docs/decisions.md, "Accounts"): an id that a client states is the account, whichever folder it
was used from. What names a folder alone belongs to the id that was last signed in there, or, where none ever was, to
the folder. What names nothing was taken in before accounts were told apart, or comes from hooks as old: it belongs to
the lane's default account, the folder that held most of the transcripts known when that was settled.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from governor import accounts
from governor.errors import BadInputError
from governor.ledger.store import Ledger
from governor.model import LANES, Account, Lane

HEARD_S = 32 * 86_400  # an account that no reading spoke of for a month has no open window to speak of
_DEFAULTS, _LOGINS = "accounts:default", "accounts:logins"


class Owners:
    """One lane's rules, as the ledger has them now."""

    def __init__(self, ledger: Ledger, lane: Lane) -> None:
        self.lane = lane
        self.default = str(_fact(ledger, _DEFAULTS).get(lane) or accounts.named(lane)[0])
        # By Codex folder: the account id that was last signed in there, and when (nanoseconds).
        self.logins: dict[str, Any] = _fact(ledger, _LOGINS) if lane == "codex" else {}

    def name(self, key: str) -> str:
        """The account that a name in the ledger stands for; the empty one is what nobody named."""
        folder = key or self.default
        return str(self.logins[folder][0]) if folder in self.logins else folder

    def account(self, key: str) -> Account:
        """That account, with all that it is called in the ledger."""
        owner = self.name(key)
        folders = [folder for folder in self.logins if self.name(folder) == owner]
        unnamed = [""] if self.name("") == owner else []
        return Account(self.lane, owner, tuple(dict.fromkeys([owner, *sorted(folders), *unnamed])))


def known(ledger: Ledger, lane: Lane, *, now: int) -> list[Account]:
    """The lane's accounts that are worth a word, the primary one first; never empty.

    First come those that the environment names, in its order, where anything is known of them; then all others with an
    official reading in the last month, by name. Where the environment names no folder and nothing is known of the
    usual one, it means all of them.
    """
    owners = Owners(ledger, lane)
    heard = {owners.name(key) for key in _heard(ledger, lane, now - HEARD_S)}
    wanted = list(dict.fromkeys(map(owners.name, accounts.named(lane))))
    first = [name for name in wanted if name in heard or _is_used(ledger, owners.account(name))]
    others = sorted(heard.difference(wanted))
    is_bare = not first and not accounts.is_stated(lane)
    if not first and (accounts.is_stated(lane) or not others):
        first = wanted[:1]
    rest = (owners.account(name)._replace(is_named=is_bare) for name in others)
    return [*map(owners.account, first), *rest]


def primary(ledger: Ledger, lane: Lane, *, now: int) -> Account:
    """The account that a command speaks of when nobody says which: the first of ``known``."""
    return known(ledger, lane, now=now)[0]


def matching(ledger: Ledger, text: str, *, lane: Lane | None = None) -> list[Account]:
    """The accounts that somebody may mean by ``text``: a name in full, its last part, or a folder as typed here."""
    found = []
    for each in LANES if lane is None else (lane,):
        owners = Owners(ledger, each)
        names = {owners.name(key) for key in (*_all_heard(ledger, each), *accounts.named(each))}
        asked = {text, accounts.name_of(accounts.expanded(text))}
        found += [owners.account(name) for name in sorted(names) if name in asked or accounts.is_tail(text, name)]
    return found


def chosen(ledger: Ledger, text: str, *, lane: Lane | None = None) -> Account:
    """The one account that is meant by ``text``. Raises: BadInputError where none is, or several are."""
    found = matching(ledger, text, lane=lane)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(each.name for each in found)
        raise BadInputError(f"{text!r} may mean several accounts: {names}.", f"--account {found[0].name}")
    raise BadInputError(f"No account named {text!r} is known.", "governor usage --by account")


def numbers(ledger: Ledger, whose: Account) -> str:
    """The account's numbers in ``response`` and ``quarter``, as SQL's ``IN`` takes them."""
    marks = ", ".join("?" * len(whose.keys))
    rows = ledger.connection.execute(f"SELECT id FROM account WHERE name IN ({marks})", whose.keys)
    mine = [str(row[0]) for row in rows] + ["0"] * ("" in whose.keys)
    return f"({', '.join(mine)})"


def names(ledger: Ledger) -> dict[tuple[Lane, int], str]:
    """The account's name by lane and number in ``response``, for all numbers there are."""
    rows = [(0, ""), *ledger.connection.execute("SELECT id, name FROM account")]
    rules = {lane: Owners(ledger, lane) for lane in LANES}
    return {(lane, number): owners.name(key) for lane, owners in rules.items() for number, key in rows}


def note_logins(ledger: Ledger, seen: Iterable[tuple[str, str, int]]) -> None:
    """Remember who was signed in: (folder's name, account id, nanoseconds). In a transaction."""
    before = _fact(ledger, _LOGINS)
    after = dict(before)
    for folder, login, at in seen:
        known_login, known_at = after.get(folder, ("", -1))
        if folder and (at, login) > (known_at, known_login):
            after[folder] = [login, at]
    if after != before:
        ledger.set_fact(_LOGINS, json.dumps(after))


def is_settled(ledger: Ledger) -> bool:
    """Is it settled whose the use is that was counted before accounts were told apart?"""
    return bool(_fact(ledger, _DEFAULTS))


def settle(ledger: Ledger) -> bool:
    """Settle it, once: every response goes where its transcript lies, what is left to the default account.

    True where responses changed hands, so that the sums are stale. In a transaction.
    """
    query = (
        "SELECT path, mtime_ns, iif(json_valid(state), json_extract(state, '$.thread'), NULL), "
        "iif(json_valid(state), json_extract(state, '$.account'), NULL) FROM transcript"
    )
    folders: dict[Lane, Counter[str]] = {lane: Counter() for lane in LANES}
    places: dict[tuple[Lane, str], str] = {}
    logins = []
    holders: dict[tuple[str, str], str] = {}
    for path, at, thread, login in ledger.connection.execute(query).fetchall():
        before, above, file = ["", "", *str(path).split("/")][-3:]
        lane: Lane = "codex" if file.startswith("rollout-") else "claude"
        place = accounts.place_of(lane, path)
        folder = holders.get(place) or holders.setdefault(place, accounts.holder(place))
        if not folder:
            continue
        folders[lane][folder] += 1
        if login:
            logins.append((folder, str(login), int(at)))
        session = before if above == "subagents" else file.removesuffix(".jsonl")
        key = (lane, str(thread or file) if lane == "codex" else session)
        places[key] = min(str(login or folder), places.get(key, str(login or folder)))
    note_logins(ledger, logins)
    chosen = {lane: min(many, key=lambda one: (-many[one], one), default="") for lane, many in folders.items()}
    ledger.set_fact(_DEFAULTS, json.dumps({lane: chosen[lane] or accounts.named(lane)[0] for lane in LANES}))
    return _move(ledger, {key: name for key, name in places.items() if name != chosen[key[0]]})


def _move(ledger: Ledger, places: dict[tuple[Lane, str], str]) -> bool:
    """Give the responses of these sessions (Claude) and threads (Codex) to these accounts."""
    if not places:
        return False
    run = ledger.connection.execute
    run("CREATE TEMP TABLE place (lane INTEGER, name INTEGER, account INTEGER, PRIMARY KEY (lane, name))")
    ledger.connection.executemany(
        "INSERT OR IGNORE INTO place SELECT ?, id, ? FROM label WHERE text = ?",
        [(LANES.index(lane), ledger.account_numbers[name], text) for (lane, text), name in places.items()],
    )
    mine = (
        "SELECT p.account FROM place AS p WHERE p.lane = response.lane AND p.name = iif(response.lane, thread, session)"
    )
    moved = run(f"UPDATE response SET account = ({mine}) WHERE account = 0 AND EXISTS ({mine})").rowcount
    run("DROP TABLE place")
    return moved > 0


def _heard(ledger: Ledger, lane: Lane, since: int) -> list[str]:
    query = (
        "SELECT DISTINCT ifnull(account, '') FROM reading "
        "WHERE NOT forgotten AND lane = ? AND observed_at >= ? AND window != 'any'"
    )
    return [row[0] for row in ledger.connection.execute(query, (lane, since))]


def _all_heard(ledger: Ledger, lane: Lane) -> list[str]:
    """Every name that use or a reading was put down under."""
    query = "SELECT DISTINCT a.name FROM quarter AS q JOIN account AS a ON a.id = q.account WHERE q.lane = ?"
    return [*_heard(ledger, lane, 0), *(row[0] for row in ledger.connection.execute(query, (LANES.index(lane),)))]


def _is_used(ledger: Ledger, whose: Account) -> bool:
    query = f"SELECT 1 FROM quarter WHERE lane = ? AND account IN {numbers(ledger, whose)} LIMIT 1"
    return ledger.connection.execute(query, (LANES.index(whose.lane),)).fetchone() is not None


def _fact(ledger: Ledger, name: str) -> dict[str, Any]:
    try:
        content = json.loads(ledger.fact(name) or "{}")
        return content if isinstance(content, dict) else {}
    except ValueError:
        return {}
