"""The ledger's schema, as prose and as SQL, with its history.

A ledger is never rebuilt from transcripts, because the clients delete those after 30 days: it is only ever migrated
forward, one numbered step at a time, each step in a transaction of its own. ``PRAGMA user_version`` holds the number of
the last step taken. A ledger from a newer governor is left alone and said so.

Numbers and names only. No prompt, no transcript text, no credential has a column to go to.
"""

from __future__ import annotations

APPLICATION_ID = 0x676F7672  # "govr": tells a ledger from any other SQLite file

MIGRATIONS: tuple[str, ...] = (
    """
-- 1: the first ledger.

-- Names are written once and referred to by number: models, sessions, agents, projects, branches, machines, ...
CREATE TABLE label (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);

-- One row per model response (part 0) and per server-side step billed at a model of its own (part 1, 2, ...).
-- `key` is the response's identity wherever it is repeated (clients.claude.copies, clients.codex), which is what
-- makes a response count once. Columns are those of model.Usage; lane, model, session, agent, thread, project, branch,
-- commit_hash, surface and machine are labels. `cost` is in picodollars at the list price of the day it was used,
-- NULL where the model has no known price. `line_ms`, `born_ms`, `tie`, `main` and `replay` rank repeats.
CREATE TABLE response (
  key TEXT NOT NULL, part INTEGER NOT NULL, at_ms INTEGER NOT NULL, lane INTEGER NOT NULL, model INTEGER NOT NULL,
  input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write_5m INTEGER NOT NULL,
  cache_write_1h INTEGER NOT NULL, reasoning INTEGER NOT NULL, searches INTEGER NOT NULL, context INTEGER NOT NULL,
  fast INTEGER NOT NULL, us_only INTEGER NOT NULL, final INTEGER NOT NULL,
  session INTEGER NOT NULL, agent INTEGER NOT NULL, thread INTEGER NOT NULL, project INTEGER NOT NULL,
  branch INTEGER NOT NULL, commit_hash INTEGER NOT NULL, surface INTEGER NOT NULL, main INTEGER NOT NULL,
  line_ms INTEGER NOT NULL, born_ms INTEGER NOT NULL, tie INTEGER NOT NULL, replay INTEGER NOT NULL,
  machine INTEGER NOT NULL, cost INTEGER,
  PRIMARY KEY (key, part)
) WITHOUT ROWID;
CREATE INDEX response_at ON response (at_ms);
CREATE INDEX response_step ON response (key) WHERE part > 0;
CREATE INDEX response_replay ON response (key) WHERE replay;

-- Sums of `response` per quarter of an hour (every time zone's days begin on one), so that a report costs what it
-- shows and not what was ever used. Rewritten for the quarters that a write touches; replays stay out.
CREATE TABLE quarter (
  quarter INTEGER NOT NULL, lane INTEGER NOT NULL, model INTEGER NOT NULL, fast INTEGER NOT NULL,
  requests INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL,
  cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL, reasoning INTEGER NOT NULL,
  searches INTEGER NOT NULL, cost INTEGER NOT NULL, unpriced INTEGER NOT NULL, floor INTEGER NOT NULL,
  PRIMARY KEY (quarter, lane, model, fast)
) WITHOUT ROWID;

-- What the official meter said, as often as it was heard. `forgotten` marks anchors the person withdrew: kept so that
-- the same line read again does not bring them back.
CREATE TABLE reading (
  id INTEGER PRIMARY KEY, lane TEXT NOT NULL, window TEXT NOT NULL, used_percent REAL NOT NULL, resets_at INTEGER,
  observed_at INTEGER NOT NULL, source TEXT NOT NULL, account TEXT, plan TEXT, machine TEXT NOT NULL,
  forgotten INTEGER NOT NULL DEFAULT 0,
  UNIQUE (lane, window, source, observed_at, used_percent)
);
CREATE INDEX reading_at ON reading (lane, window, observed_at);

-- How far each transcript was read (model.Cursor). Written in the same transaction as what was read.
CREATE TABLE transcript (
  path TEXT PRIMARY KEY, inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  offset INTEGER NOT NULL, mark INTEGER NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;

-- Lines and files that could not be read as they stand. `governor doctor` names them.
CREATE TABLE problem (
  path TEXT NOT NULL, offset INTEGER NOT NULL, reason TEXT NOT NULL, seen_at INTEGER NOT NULL,
  PRIMARY KEY (path, offset, reason)
) WITHOUT ROWID;

-- What the hooks did: each run's cost, and each decision's names and numbers (never a prompt's text).
CREATE TABLE run (at INTEGER NOT NULL, hook TEXT NOT NULL, ms REAL NOT NULL, chars INTEGER NOT NULL);
CREATE INDEX run_at ON run (at);
CREATE TABLE decision (at REAL NOT NULL, hook TEXT NOT NULL, lane TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX decision_at ON decision (at);

-- Single facts: which price table the costs were made with, when the last refresh ended, ...
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
""",
    """
-- 2: what the governor itself costs, and how well work goes.

-- The session whose context a run wrote into, so that its later re-reads can be counted; NULL where it wrote nothing.
ALTER TABLE run ADD COLUMN session TEXT;

-- The quality canary's counts, per day (since 1970, UTC), over the sessions of its sample. `policy` is the version of
-- the settings in force at the time (governor.review.canary_runner), empty before the first that is known.
CREATE TABLE quality (
  lane TEXT NOT NULL, model TEXT NOT NULL, policy TEXT NOT NULL, day INTEGER NOT NULL,
  prompts INTEGER NOT NULL, interruptions INTEGER NOT NULL, calls INTEGER NOT NULL, failures INTEGER NOT NULL,
  asked INTEGER NOT NULL, asked_again INTEGER NOT NULL, edits INTEGER NOT NULL, reverts INTEGER NOT NULL,
  PRIMARY KEY (lane, model, policy, day)
) WITHOUT ROWID;

-- How far the canary has read each transcript of its sample; `transcript` is the counting's own. Named by file, for a
-- rollout that is archived or compressed moves. Hashes of the last prompts and edits are in `state`, never a text.
CREATE TABLE watched (
  name TEXT PRIMARY KEY, path TEXT NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  offset INTEGER NOT NULL, mark INTEGER NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;
""",
    """
-- 3: when the answer behind a reading began, and whose it was: what tells a reset from an old figure (resets).
ALTER TABLE reading ADD COLUMN began_at INTEGER;
ALTER TABLE reading ADD COLUMN session TEXT;
""",
    """
-- 4: several accounts.

-- Whose use and whose readings: the account's name (governor.accounts). 0 in a row below, and NULL in a reading, is
-- what nobody named; that belongs to the lane's default account (governor.ledger.owners).
CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
ALTER TABLE response ADD COLUMN account INTEGER NOT NULL DEFAULT 0;

-- The sums are kept apart by account as well.
CREATE TABLE quarter_by_account (
  quarter INTEGER NOT NULL, lane INTEGER NOT NULL, model INTEGER NOT NULL, fast INTEGER NOT NULL,
  account INTEGER NOT NULL,
  requests INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL,
  cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL, reasoning INTEGER NOT NULL,
  searches INTEGER NOT NULL, cost INTEGER NOT NULL, unpriced INTEGER NOT NULL, floor INTEGER NOT NULL,
  PRIMARY KEY (quarter, lane, model, fast, account)
) WITHOUT ROWID;
INSERT INTO quarter_by_account SELECT quarter, lane, model, fast, 0, requests, input, output, cache_read,
  cache_write_5m, cache_write_1h, reasoning, searches, cost, unpriced, floor FROM quarter;
DROP TABLE quarter;
ALTER TABLE quarter_by_account RENAME TO quarter;

-- Two accounts may state the same figure in the same second: what makes a reading one includes whose it is.
CREATE TABLE reading_by_account (
  id INTEGER PRIMARY KEY, lane TEXT NOT NULL, window TEXT NOT NULL, used_percent REAL NOT NULL, resets_at INTEGER,
  observed_at INTEGER NOT NULL, source TEXT NOT NULL, account TEXT, plan TEXT, machine TEXT NOT NULL,
  forgotten INTEGER NOT NULL DEFAULT 0, began_at INTEGER, session TEXT
);
INSERT INTO reading_by_account SELECT id, lane, window, used_percent, resets_at, observed_at, source, account, plan,
  machine, forgotten, began_at, session FROM reading;
DROP TABLE reading;
ALTER TABLE reading_by_account RENAME TO reading;
CREATE UNIQUE INDEX reading_once ON reading (lane, window, source, observed_at, used_percent, ifnull(account, ''));
CREATE INDEX reading_at ON reading (lane, window, observed_at);
CREATE INDEX reading_of ON reading (lane, account, observed_at);
""",
    """
-- 5: the clients' own books.

-- What a client says that one model used in one session until then (model.Booked): cumulative, one row per statement.
-- What they hold beyond the counted responses stands in `response` with part -1 (ledger.books), so that every sum has
-- it; it is worked out again whenever either side changes.
CREATE TABLE books (
  session TEXT NOT NULL, epoch INTEGER NOT NULL, spent_ms INTEGER NOT NULL, model TEXT NOT NULL, at_ms INTEGER NOT NULL,
  project TEXT NOT NULL, ancestors TEXT NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL,
  cache_read INTEGER NOT NULL, cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL,
  reasoning INTEGER NOT NULL, searches INTEGER NOT NULL, cost INTEGER NOT NULL, is_split INTEGER NOT NULL,
  account TEXT NOT NULL,
  PRIMARY KEY (session, epoch, spent_ms, model)
) WITHOUT ROWID;
CREATE INDEX books_epoch ON books (epoch);
CREATE INDEX response_booked ON response (session) WHERE part < 0;

-- Main transcripts are read once more from their start, for the books in them; what was counted is not counted again.
UPDATE transcript SET offset = 0, size = -1
WHERE path NOT LIKE '%/subagents/%' AND path NOT LIKE '%rollout-%';
""",
)

# How the better of two lines is told, as a row comparison; the same order as model.rank, best first.
BETTER = (
    "(excluded.output, NOT excluded.replay, excluded.main, response.line_ms, response.born_ms, response.tie)"
    " > (response.output, NOT response.replay, response.main, excluded.line_ms, excluded.born_ms, excluded.tie)"
)
# One file copied into two config folders ties: the account whose name comes first keeps it, and a name outranks none.
ACCOUNT_OF_BETTER = (
    f"iif({BETTER}, excluded.account, iif({BETTER.replace(' > ', ' = ')} AND excluded.account != response.account "
    "AND (response.account = 0 OR (SELECT name FROM account WHERE id = excluded.account) "
    "< (SELECT name FROM account WHERE id = response.account)), excluded.account, response.account))"
)

# Grouped by one number, which sorts in three quarters of the time that four columns take. FEW accounts fit into it;
# with more of them the account is a second column (``by``).
FEW = 1024
SUM_QUARTER = """
INSERT INTO quarter
SELECT g >> 40, g & 1, g >> 2 & 0xfffffff, g >> 1 & 1, account, sum(part = 0), sum(input), sum(output),
  sum(cache_read), sum(cache_write_5m), sum(cache_write_1h), sum(reasoning), sum(searches), sum(ifnull(cost, 0)),
  sum(cost IS NULL AND part <= 0), sum(NOT final AND part = 0)
FROM (
  SELECT (at_ms / 900000 << 40) | ((account & 1023) << 30) | (model << 2) | (fast << 1) | lane AS g, *
  FROM response WHERE NOT replay {where}
)
GROUP BY {by}
"""
