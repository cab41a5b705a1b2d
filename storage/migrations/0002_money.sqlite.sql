-- Accounts: channels have one too, and the row itself is what a unit locks to hold money on it.
CREATE TABLE accounts_anew (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL CHECK (scope IN ('member', 'channel', 'server', 'bot')),
    guild_id INTEGER NOT NULL,
    -- Discord's id of the member or channel.
    holder_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- Raised by the UPDATE that locks the account, which is the lock on both engines.
    checks INTEGER NOT NULL DEFAULT 0,
    UNIQUE (scope, guild_id, holder_id),
    CHECK ((scope IN ('member', 'channel')) = (holder_id <> 0)),
    CHECK ((scope = 'bot') = (guild_id = 0))
) STRICT;
INSERT INTO accounts_anew (id, scope, guild_id, holder_id, created_at)
SELECT id, scope, guild_id, user_id, created_at FROM accounts;
-- The number of an account that was deleted is never another's: the ledger may name it still.
UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'accounts') WHERE name = 'accounts_anew';
DROP TABLE accounts;
ALTER TABLE accounts_anew RENAME TO accounts;

-- How much an account used, by quarter of an hour (the grid of the world's time zones); a window is a sum of these.
CREATE TABLE account_quarters (
    account_id INTEGER NOT NULL,
    quarter_at INTEGER NOT NULL,
    held INTEGER NOT NULL CHECK (held >= 0),
    spent INTEGER NOT NULL CHECK (spent >= 0),
    edits INTEGER NOT NULL CHECK (edits >= 0),
    pictures INTEGER NOT NULL CHECK (pictures >= 0),
    PRIMARY KEY (account_id, quarter_at)
) STRICT;

-- The audit of a day reads it whole.
CREATE INDEX account_quarters_by_time ON account_quarters (quarter_at);

INSERT INTO account_quarters (account_id, quarter_at, held, spent, edits, pictures)
SELECT allowances.account_id, allowance_hours.hour_at, allowance_hours.held, allowance_hours.spent, 0, 0
FROM allowance_hours JOIN allowances ON allowances.id = allowance_hours.allowance_id;

-- Bonus amounts. A role's is each holder's own, a thread's is shared; a sponsor gave it from their own allowance.
CREATE TABLE grants (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('member', 'role', 'thread')),
    -- The account of a member; Discord's id of a role or thread.
    subject_id INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    -- The accounts of who gave it, and of whom it was taken from.
    giver_id INTEGER NOT NULL,
    sponsor_id INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    ended_at INTEGER,
    -- Raised by the UPDATE that locks the grant.
    checks INTEGER NOT NULL DEFAULT 0,
    CHECK (sponsor_id IS NULL OR scope = 'thread')
) STRICT;

CREATE INDEX grants_open ON grants (guild_id, scope, subject_id) WHERE ended_at IS NULL;
CREATE INDEX grants_to_expire ON grants (expires_at) WHERE ended_at IS NULL AND expires_at IS NOT NULL;

-- Whose use of a grant it is: an account, or 0 where all share it.
CREATE TABLE grant_uses (
    grant_id INTEGER NOT NULL REFERENCES grants (id),
    holder_id INTEGER NOT NULL,
    held INTEGER NOT NULL CHECK (held >= 0),
    spent INTEGER NOT NULL CHECK (spent >= 0),
    PRIMARY KEY (grant_id, holder_id)
) STRICT;

-- A hold names the moment and the local day it counts in, and the role that admitted it.
ALTER TABLE holds RENAME COLUMN hour_at TO quarter_at;
ALTER TABLE holds ADD COLUMN day INTEGER NOT NULL DEFAULT 0;
UPDATE holds SET day = 719163 + quarter_at / 86400000;
ALTER TABLE holds ADD COLUMN role_id INTEGER;

-- What each account and each grant carries of a hold.
CREATE TABLE hold_accounts (
    job_id INTEGER NOT NULL REFERENCES holds (job_id),
    account_id INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    edits INTEGER NOT NULL,
    pictures INTEGER NOT NULL,
    PRIMARY KEY (job_id, account_id)
) STRICT;

CREATE TABLE hold_grants (
    job_id INTEGER NOT NULL REFERENCES holds (job_id),
    grant_id INTEGER NOT NULL REFERENCES grants (id),
    holder_id INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    -- Grants are drained in this order.
    position INTEGER NOT NULL,
    PRIMARY KEY (job_id, grant_id)
) STRICT;

INSERT INTO hold_accounts (job_id, account_id, amount, edits, pictures)
SELECT hold_allowances.job_id, allowances.account_id, holds.amount, 0, 0
FROM hold_allowances
JOIN allowances ON allowances.id = hold_allowances.allowance_id
JOIN holds ON holds.job_id = hold_allowances.job_id;

DROP TABLE hold_allowances;
DROP TABLE allowance_hours;
DROP TABLE allowances;

-- What managers allow. The operator's own limits are settings; 0 means "may not".
CREATE TABLE allowances (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('member', 'role', 'channel', 'server')),
    -- The account of a member; Discord's id of a role or channel; 0 for the server.
    subject_id INTEGER NOT NULL,
    measure TEXT NOT NULL CHECK (measure IN ('money', 'edits', 'pictures')),
    amount INTEGER NOT NULL CHECK (amount >= 0),
    span TEXT NOT NULL CHECK (span IN ('hour', 'day', 'week', 'month')),
    rolling INTEGER NOT NULL CHECK (rolling IN (0, 1)),
    -- The most that a single edit may take of it.
    ceiling INTEGER CHECK (ceiling > 0),
    UNIQUE (guild_id, scope, subject_id, measure, span, rolling),
    CHECK ((scope = 'server') = (subject_id = 0))
) STRICT;

-- The ledger: what each line counts in, whose grant it drew on, and how many edits and pictures it is about. Lines
-- without a job move money between a member's allowance and a pool, or say what was granted.
ALTER TABLE ledger ADD COLUMN quarter_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN grant_id INTEGER;
ALTER TABLE ledger ADD COLUMN edits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN pictures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN granted INTEGER NOT NULL DEFAULT 0;
UPDATE ledger SET quarter_at = coalesce(
    (SELECT holds.quarter_at FROM holds WHERE holds.job_id = ledger.job_id AND ledger.kind <> 'adjust'),
    at - at % 3600000
);
-- Python's ordinal of the day in UTC: 719163 is 1 January 1970.
UPDATE ledger SET day = 719163 + quarter_at / 86400000;
CREATE INDEX ledger_by_day ON ledger (day);
CREATE INDEX ledger_by_grant ON ledger (grant_id) WHERE grant_id IS NOT NULL;

-- Channels count what was asked for in them before they had accounts.
INSERT INTO accounts (scope, guild_id, holder_id, created_at)
SELECT 'channel', guild_id, channel_id, min(created_at) FROM jobs GROUP BY guild_id, channel_id;

INSERT INTO account_quarters (account_id, quarter_at, held, spent, edits, pictures)
SELECT accounts.id, ledger.quarter_at, CAST(sum(ledger.held) AS INTEGER), CAST(sum(ledger.spent) AS INTEGER), 0, 0
FROM ledger
JOIN jobs ON jobs.id = ledger.job_id
JOIN accounts ON accounts.scope = 'channel' AND accounts.guild_id = jobs.guild_id AND accounts.holder_id = jobs.channel_id
WHERE ledger.kind <> 'adjust' GROUP BY accounts.id, ledger.quarter_at;

INSERT INTO hold_accounts (job_id, account_id, amount, edits, pictures)
SELECT holds.job_id, accounts.id, holds.amount, 0, 0
FROM holds
JOIN jobs ON jobs.id = holds.job_id
JOIN accounts ON accounts.scope = 'channel' AND accounts.guild_id = jobs.guild_id AND accounts.holder_id = jobs.channel_id;

-- A job remembers what it was expected to cost, and from what that was known.
ALTER TABLE jobs ADD COLUMN estimate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN basis TEXT NOT NULL DEFAULT 'examples:0';
CREATE INDEX jobs_waiting ON jobs (created_at, id) WHERE status = 'waiting';

-- What settled edits taught about prices, in millionths; guild 0 is all servers together.
CREATE TABLE prices (
    guild_id INTEGER PRIMARY KEY,
    edits INTEGER NOT NULL,
    pixels_pixels INTEGER NOT NULL,
    pixels_references INTEGER NOT NULL,
    references_references INTEGER NOT NULL,
    pixels_cost INTEGER NOT NULL,
    references_cost INTEGER NOT NULL,
    weight INTEGER NOT NULL,
    ratio INTEGER NOT NULL,
    ratio_ratio INTEGER NOT NULL
) STRICT;

-- What was settled, by local day and by member, role, channel and option; key '' of 'all' is the sum.
CREATE TABLE usage (
    guild_id INTEGER NOT NULL,
    dimension TEXT NOT NULL CHECK (dimension IN ('all', 'member', 'role', 'channel', 'option')),
    day INTEGER NOT NULL,
    key TEXT NOT NULL,
    edits INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    pictures INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    -- What the edits that were settled on a known cost were expected to cost, and did cost.
    expected INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    -- Of what was spent: after the hold had ended, above the hold, and booked at the estimate.
    late INTEGER NOT NULL,
    overshoot INTEGER NOT NULL,
    guessed INTEGER NOT NULL,
    PRIMARY KEY (guild_id, dimension, day, key)
) STRICT;

CREATE INDEX usage_by_day ON usage (day, dimension);

-- The same by blocks of days, so that a long stretch is read from few rows.
CREATE TABLE usage_blocks (
    guild_id INTEGER NOT NULL,
    dimension TEXT NOT NULL CHECK (dimension IN ('all', 'member', 'role', 'channel', 'option')),
    -- Python's ordinal of it; a block is 32 days.
    first_day INTEGER NOT NULL,
    key TEXT NOT NULL,
    edits INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    pictures INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    late INTEGER NOT NULL,
    overshoot INTEGER NOT NULL,
    guessed INTEGER NOT NULL,
    PRIMARY KEY (guild_id, dimension, first_day, key)
) STRICT;

CREATE INDEX usage_blocks_by_day ON usage_blocks (first_day);

-- What was spent before there were these sums.
INSERT INTO usage (
    guild_id, dimension, day, key, edits, failed, pictures, spent, expected, settled, late, overshoot, guessed
)
SELECT ledger.guild_id, 'all', ledger.day, '', CAST(sum(CASE WHEN ledger.kind = 'settle' THEN 1 ELSE 0 END) AS INTEGER),
    0, 0, CAST(sum(ledger.spent) AS INTEGER), 0, 0,
    CAST(sum(CASE WHEN ledger.kind = 'adjust' THEN ledger.spent ELSE 0 END) AS INTEGER), 0,
    CAST(sum(ledger.spent * ledger.estimated) AS INTEGER)
FROM ledger WHERE ledger.spent > 0 GROUP BY ledger.guild_id, ledger.day;

INSERT INTO usage (
    guild_id, dimension, day, key, edits, failed, pictures, spent, expected, settled, late, overshoot, guessed
)
SELECT ledger.guild_id, 'member', ledger.day, CAST(ledger.account_id AS TEXT), CAST(sum(CASE WHEN ledger.kind = 'settle' THEN 1 ELSE 0 END) AS INTEGER),
    0, 0, CAST(sum(ledger.spent) AS INTEGER), 0, 0,
    CAST(sum(CASE WHEN ledger.kind = 'adjust' THEN ledger.spent ELSE 0 END) AS INTEGER), 0,
    CAST(sum(ledger.spent * ledger.estimated) AS INTEGER)
FROM ledger WHERE ledger.spent > 0 GROUP BY ledger.guild_id, ledger.day, ledger.account_id;

INSERT INTO usage (
    guild_id, dimension, day, key, edits, failed, pictures, spent, expected, settled, late, overshoot, guessed
)
SELECT ledger.guild_id, 'channel', ledger.day, CAST(jobs.channel_id AS TEXT), CAST(sum(CASE WHEN ledger.kind = 'settle' THEN 1 ELSE 0 END) AS INTEGER),
    0, 0, CAST(sum(ledger.spent) AS INTEGER), 0, 0,
    CAST(sum(CASE WHEN ledger.kind = 'adjust' THEN ledger.spent ELSE 0 END) AS INTEGER), 0,
    CAST(sum(ledger.spent * ledger.estimated) AS INTEGER)
FROM ledger JOIN jobs ON jobs.id = ledger.job_id WHERE ledger.spent > 0 GROUP BY ledger.guild_id, ledger.day, jobs.channel_id;

INSERT INTO usage (
    guild_id, dimension, day, key, edits, failed, pictures, spent, expected, settled, late, overshoot, guessed
)
SELECT guild_id, 'role', day, '0', edits, failed, pictures, spent, expected, settled, late, overshoot, guessed
FROM usage WHERE dimension = 'all';

INSERT INTO usage_blocks (
    guild_id, dimension, first_day, key, edits, failed, pictures, spent, expected, settled, late, overshoot, guessed
)
SELECT guild_id, dimension, day - day % 32, key,
    CAST(sum(edits) AS INTEGER), CAST(sum(failed) AS INTEGER), CAST(sum(pictures) AS INTEGER), CAST(sum(spent) AS INTEGER),
    CAST(sum(expected) AS INTEGER), CAST(sum(settled) AS INTEGER), CAST(sum(late) AS INTEGER),
    CAST(sum(overshoot) AS INTEGER), CAST(sum(guessed) AS INTEGER)
FROM usage GROUP BY guild_id, dimension, day - day % 32, key;

-- Nothing is sent while one of these covers it: (0, 0) is everything, (server, 0) a server, (server, channel) a channel.
CREATE TABLE pauses (
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    paused_at INTEGER NOT NULL,
    -- Ordered by whoever runs the bot: no manager can end it.
    operators INTEGER NOT NULL CHECK (operators IN (0, 1)),
    PRIMARY KEY (guild_id, channel_id, operators)
) STRICT;

CREATE TABLE servers (
    guild_id INTEGER PRIMARY KEY,
    time_zone TEXT NOT NULL,
    manager_role_id INTEGER,
    alert_channel_id INTEGER,
    -- Edits that are expected to cost more ask their asker, or wait for a manager.
    confirm_above INTEGER CHECK (confirm_above >= 0),
    approve_above INTEGER CHECK (approve_above >= 0)
) STRICT;

CREATE TABLE preferences (
    account_id INTEGER PRIMARY KEY,
    confirm_above INTEGER CHECK (confirm_above >= 0)
) STRICT;

-- Who changed what, when, from and to. Account 0 is the operator; guild 0 is everywhere.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    subject TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_guild ON audit (guild_id, id);

-- What owners are told once each; the key says what once means. Guild 0 is told to the operator.
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('allowance', 'approval', 'balance', 'books')),
    facts TEXT NOT NULL,
    raised_at INTEGER NOT NULL,
    posted_at INTEGER
) STRICT;

CREATE INDEX alerts_to_post ON alerts (id) WHERE posted_at IS NULL;

-- Requests that wait for their asker to say yes to the price.
CREATE TABLE offers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    reply_id INTEGER NOT NULL,
    thread_id INTEGER,
    public INTEGER NOT NULL CHECK (public IN (0, 1)),
    request TEXT NOT NULL,
    price INTEGER NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;

CREATE INDEX offers_by_time ON offers (made_at);

-- Runware's own count of what it took, beside ours up to the same line of the ledger.
CREATE TABLE statements (
    day INTEGER PRIMARY KEY,
    taken_at INTEGER NOT NULL,
    theirs INTEGER NOT NULL,
    ours INTEGER NOT NULL,
    last_line INTEGER NOT NULL
) STRICT;
