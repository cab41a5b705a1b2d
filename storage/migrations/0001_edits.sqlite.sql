-- Accounts are whom the books name; this table alone maps them to Discord's people. Nothing refers to it by a
-- foreign key, so that a person's row can go while jobs and ledger lines stay and still balance.
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL CHECK (scope IN ('member', 'server', 'bot')),
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (scope, guild_id, user_id),
    CHECK ((scope = 'member') = (user_id <> 0)),
    CHECK ((scope = 'bot') = (guild_id = 0))
) STRICT;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_uuid TEXT NOT NULL UNIQUE,
    account_id INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    reply_id INTEGER NOT NULL,
    thread_id INTEGER,
    public INTEGER NOT NULL CHECK (public IN (0, 1)),
    status_message_id INTEGER,
    request TEXT NOT NULL,
    wanted INTEGER NOT NULL CHECK (wanted BETWEEN 1 AND 20),
    status TEXT NOT NULL CHECK (
        status IN ('waiting', 'queued', 'submitting', 'submitted', 'succeeded', 'failed', 'expired', 'cancelled')
    ),
    -- Whose turn it is: the queue is served by (turn, id), and a member's second job in a row waits a turn longer.
    turn INTEGER NOT NULL,
    version INTEGER NOT NULL,
    hold INTEGER NOT NULL CHECK (hold > 0),
    cost INTEGER CHECK (cost >= 0),
    estimated INTEGER NOT NULL DEFAULT 0 CHECK (estimated IN (0, 1)),
    created_at INTEGER NOT NULL,
    first_post_at INTEGER,
    last_post_at INTEGER,
    posts INTEGER NOT NULL DEFAULT 0,
    -- POSTs whose fate is unknown: raised before each POST, lowered by a definite refusal.
    unknown_posts INTEGER NOT NULL DEFAULT 0 CHECK (unknown_posts >= 0),
    submitted_at INTEGER,
    ended_at INTEGER,
    settled_at INTEGER,
    error_code TEXT,
    -- When the reconciler looks at it next, and what its last look saw.
    poll_at INTEGER,
    polls INTEGER NOT NULL DEFAULT 0,
    errors_seen TEXT,
    errors_since INTEGER,
    -- What Discord has heard: when the announcer looks at it next, and whether its end was posted.
    notice_at INTEGER,
    notice_tries INTEGER NOT NULL DEFAULT 0,
    shown_at INTEGER,
    announced_at INTEGER,
    undeliverable_at INTEGER,
    CHECK (status IN ('waiting', 'queued', 'cancelled', 'failed') OR first_post_at IS NOT NULL),
    CHECK ((ended_at IS NULL) = (status IN ('waiting', 'queued', 'submitting', 'submitted'))),
    CHECK (settled_at IS NULL OR ended_at IS NOT NULL),
    CHECK (announced_at IS NULL OR ended_at IS NOT NULL)
) STRICT;

CREATE INDEX jobs_queue ON jobs (turn, id) WHERE status = 'queued';
CREATE INDEX jobs_in_flight ON jobs (id) WHERE status IN ('submitting', 'submitted');
CREATE INDEX jobs_open_by_account ON jobs (account_id, turn)
WHERE status IN ('waiting', 'queued', 'submitting', 'submitted');
CREATE INDEX jobs_to_poll ON jobs (poll_at, id) WHERE poll_at IS NOT NULL;
CREATE INDEX jobs_to_notice ON jobs (notice_at, id) WHERE notice_at IS NOT NULL;
CREATE INDEX jobs_outbox ON jobs (id)
WHERE announced_at IS NULL AND undeliverable_at IS NULL
    AND status IN ('succeeded', 'failed', 'expired', 'cancelled');
CREATE INDEX jobs_undeliverable ON jobs (id) WHERE undeliverable_at IS NOT NULL;

CREATE TABLE results (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    image_uuid TEXT NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0),
    seed INTEGER CHECK (seed >= 0),
    cost INTEGER CHECK (cost > 0),
    nsfw INTEGER NOT NULL CHECK (nsfw IN (0, 1)),
    url TEXT NOT NULL,
    sha256 TEXT,
    media_type TEXT,
    width INTEGER,
    height INTEGER,
    recorded_at INTEGER NOT NULL,
    -- When to copy it (again); unset once there is a copy, or there will never be one.
    copy_at INTEGER,
    copy_tries INTEGER NOT NULL DEFAULT 0,
    lost TEXT CHECK (lost IN ('refused_host', 'gone', 'not_a_picture')),
    deleted_at INTEGER,
    -- The announcement that shows it.
    announcement INTEGER,
    -- A repeated delivery changes nothing: a job is one task, so this is (taskUUID, imageUUID).
    UNIQUE (job_id, image_uuid),
    CHECK (sha256 IS NULL OR (media_type IS NOT NULL AND width > 0 AND height > 0))
) STRICT;

CREATE INDEX results_to_copy ON results (copy_at, id) WHERE copy_at IS NOT NULL;
CREATE INDEX results_by_picture ON results (sha256) WHERE sha256 IS NOT NULL AND deleted_at IS NULL;

CREATE TABLE announcements (
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    idx INTEGER NOT NULL CHECK (idx >= 0),
    kind TEXT NOT NULL CHECK (kind IN ('results', 'failed', 'expired')),
    tries INTEGER NOT NULL DEFAULT 0,
    posted_at INTEGER,
    channel_id INTEGER,
    message_id INTEGER,
    kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),
    PRIMARY KEY (job_id, idx),
    CHECK ((posted_at IS NULL) = (message_id IS NULL))
) STRICT;

CREATE INDEX announcements_by_message ON announcements (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX announcements_kept ON announcements (job_id, idx) WHERE kept = 1;

-- The bytes themselves stand in the picture store, under their hash.
CREATE TABLE pictures (
    sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64),
    used_at INTEGER NOT NULL
) STRICT;

CREATE INDEX pictures_by_use ON pictures (used_at);

CREATE TABLE job_pictures (
    sha256 TEXT NOT NULL,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    PRIMARY KEY (sha256, job_id)
) STRICT;

CREATE TABLE allowances (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL UNIQUE,
    scope TEXT NOT NULL CHECK (scope IN ('member', 'server', 'bot')),
    -- Unset: the default of the settings.
    limit_micros INTEGER CHECK (limit_micros >= 0),
    -- Raised by the guarding UPDATE, which is the lock on both engines.
    checks INTEGER NOT NULL DEFAULT 0
) STRICT;

-- How much of an allowance is used, by hour; a window is the sum of its hours.
CREATE TABLE allowance_hours (
    allowance_id INTEGER NOT NULL REFERENCES allowances (id),
    hour_at INTEGER NOT NULL,
    held INTEGER NOT NULL CHECK (held >= 0),
    spent INTEGER NOT NULL CHECK (spent >= 0),
    PRIMARY KEY (allowance_id, hour_at)
) STRICT;

-- A hold ends exactly once: the guarded UPDATE of ended_at is the claim.
CREATE TABLE holds (
    job_id INTEGER PRIMARY KEY REFERENCES jobs (id),
    amount INTEGER NOT NULL CHECK (amount > 0),
    hour_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

CREATE INDEX holds_open ON holds (job_id, amount) WHERE ended_at IS NULL;

CREATE TABLE hold_allowances (
    job_id INTEGER NOT NULL REFERENCES holds (job_id),
    allowance_id INTEGER NOT NULL REFERENCES allowances (id),
    PRIMARY KEY (job_id, allowance_id)
) STRICT;

-- Append-only: held and spent are signed changes.
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    job_id INTEGER REFERENCES jobs (id),
    kind TEXT NOT NULL CHECK (kind IN ('hold', 'settle', 'release', 'grant', 'adjust')),
    held INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    estimated INTEGER NOT NULL CHECK (estimated IN (0, 1)),
    CHECK (kind <> 'hold' OR (held > 0 AND spent = 0)),
    CHECK (kind <> 'settle' OR (held < 0 AND spent >= 0)),
    CHECK (kind <> 'release' OR (held < 0 AND spent = 0)),
    CHECK (kind <> 'adjust' OR held = 0)
) STRICT;

CREATE INDEX ledger_by_account ON ledger (account_id, at);
CREATE INDEX ledger_by_job ON ledger (job_id);

CREATE TABLE memory (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
