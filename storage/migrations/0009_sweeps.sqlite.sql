-- One request over one or two axes: a question until its asker says yes, then a job for each cell.
CREATE TABLE sweeps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    -- An account.
    account_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    -- The message that is its question, and then its card.
    reply_id INTEGER NOT NULL,
    thread_id INTEGER,
    public INTEGER NOT NULL CHECK (public IN (0, 1)),
    -- What all cells have in common, and what each axis sets, as JSON.
    request TEXT NOT NULL,
    axes TEXT NOT NULL,
    -- What all cells together were said to cost.
    price INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('asked', 'running', 'done')),
    -- Bumped by every change that its card should show; and when the card is drawn next.
    version INTEGER NOT NULL DEFAULT 0,
    notice_at INTEGER,
    notice_tries INTEGER NOT NULL DEFAULT 0,
    shown_at INTEGER,
    -- When its thread was told that it is over.
    told_at INTEGER,
    CHECK (state <> 'asked' OR notice_at IS NULL),
    CHECK (told_at IS NULL OR state = 'done')
) STRICT;

CREATE INDEX sweeps_asked ON sweeps (made_at) WHERE state = 'asked';
CREATE INDEX sweeps_to_notice ON sweeps (notice_at, id) WHERE notice_at IS NOT NULL;

CREATE TABLE sweep_cells (
    sweep_id INTEGER NOT NULL REFERENCES sweeps (id),
    -- Counted from 0, the second axis outermost.
    place INTEGER NOT NULL CHECK (place >= 0),
    job_id INTEGER REFERENCES jobs (id),
    -- Why it is not made, in words.
    refusal TEXT,
    PRIMARY KEY (sweep_id, place),
    CHECK (job_id IS NULL OR refusal IS NULL)
) STRICT;

-- The sweep that a job is a cell of.
ALTER TABLE jobs ADD COLUMN sweep_id INTEGER;
