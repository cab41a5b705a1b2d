-- One thread's edits and the people in it. A thread that a reply has not got yet will have the reply's id.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    -- Whether everyone who reads the channel may read the thread too.
    public INTEGER NOT NULL CHECK (public IN (0, 1)),
    -- An account.
    owner_id INTEGER NOT NULL,
    access TEXT NOT NULL CHECK (access IN ('open', 'invited', 'role')),
    role_id INTEGER,
    state TEXT NOT NULL CHECK (state IN ('open', 'locked', 'closed')),
    created_at INTEGER NOT NULL,
    closed_at INTEGER,
    UNIQUE (guild_id, thread_id),
    CHECK ((access = 'role') = (role_id IS NOT NULL)),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL))
) STRICT;

-- Whom the owner let in, or shut out.
CREATE TABLE session_people (
    session_id INTEGER NOT NULL REFERENCES sessions (id),
    account_id INTEGER NOT NULL,
    standing TEXT NOT NULL CHECK (standing IN ('invited', 'removed')),
    PRIMARY KEY (session_id, account_id)
) STRICT;

INSERT INTO sessions (guild_id, channel_id, thread_id, public, owner_id, access, state, created_at)
SELECT jobs.guild_id, jobs.channel_id, coalesce(jobs.thread_id, jobs.reply_id), jobs.public, jobs.account_id,
    'open', 'open', jobs.created_at
FROM (SELECT min(id) AS id FROM jobs GROUP BY guild_id, coalesce(thread_id, reply_id)) AS firsts
JOIN jobs ON jobs.id = firsts.id
ORDER BY jobs.id;

ALTER TABLE jobs ADD COLUMN session_id INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET session_id = (
    SELECT sessions.id FROM sessions
    WHERE sessions.guild_id = jobs.guild_id AND sessions.thread_id = coalesce(jobs.thread_id, jobs.reply_id)
);
-- Chosen in a round: the thread's pool pays all of it.
ALTER TABLE jobs ADD COLUMN pooled INTEGER NOT NULL DEFAULT 0 CHECK (pooled IN (0, 1));
CREATE INDEX jobs_by_session ON jobs (session_id, id);

-- The results that a job was made of: its parent at place 0, the others by their place among its references, from 1.
CREATE TABLE lineage (
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    place INTEGER NOT NULL CHECK (place >= 0),
    result_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, place)
) STRICT;

CREATE INDEX lineage_by_result ON lineage (result_id, job_id);

INSERT INTO lineage (job_id, place, result_id)
SELECT id, 0, json_extract(request, '$.parent_id') FROM jobs WHERE json_extract(request, '$.parent_id') IS NOT NULL;

INSERT INTO lineage (job_id, place, result_id)
SELECT jobs.id, entry.key + 1, json_extract(entry.value, '$.result_id')
FROM jobs JOIN json_each(jobs.request, '$.references') AS entry
WHERE json_extract(entry.value, '$.result_id') IS NOT NULL
    AND json_extract(entry.value, '$.result_id') <> coalesce(json_extract(jobs.request, '$.parent_id'), 0);

-- Who is writing an edit of a result, for a short time. It blocks nobody.
CREATE TABLE claims (
    result_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    PRIMARY KEY (result_id, account_id)
) STRICT;

CREATE INDEX claims_by_end ON claims (until_at);

CREATE TABLE stars (
    result_id INTEGER NOT NULL REFERENCES results (id),
    account_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (result_id, account_id)
) STRICT;

-- The results with one star or more, and how many: what galleries are made of.
-- Without a rowid, since SQLite does not seek by a pair of columns of which one is the rowid.
CREATE TABLE starred (
    result_id INTEGER PRIMARY KEY REFERENCES results (id),
    guild_id INTEGER NOT NULL,
    session_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    -- The local week in which it was made, by Python's ordinal of its Monday.
    week INTEGER NOT NULL,
    stars INTEGER NOT NULL CHECK (stars > 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX starred_by_guild ON starred (guild_id, stars, result_id);
CREATE INDEX starred_by_week ON starred (guild_id, week, stars, result_id);
CREATE INDEX starred_by_person ON starred (guild_id, account_id, stars, result_id);
CREATE INDEX starred_by_session ON starred (session_id, stars, result_id);

-- Messages beside a result's own that show it too.
CREATE TABLE showings (
    message_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    result_id INTEGER NOT NULL REFERENCES results (id),
    shown_at INTEGER NOT NULL,
    PRIMARY KEY (message_id, result_id)
) STRICT;

CREATE INDEX showings_by_result ON showings (result_id);

-- A vote about what to do with a result next; the winner is paid for by the pool.
CREATE TABLE rounds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES sessions (id),
    result_id INTEGER NOT NULL REFERENCES results (id),
    -- An account.
    opener_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    quorum INTEGER NOT NULL CHECK (quorum >= 2),
    opened_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'won', 'tied', 'few', 'silent', 'refused', 'stopped')),
    winner_id INTEGER,
    job_id INTEGER REFERENCES jobs (id),
    -- Why the winner was not made, in words.
    reason TEXT,
    told_at INTEGER,
    CHECK ((state = 'won') = (job_id IS NOT NULL)),
    CHECK (told_at IS NULL OR state <> 'open')
) STRICT;

-- A session chooses one thing at a time.
CREATE UNIQUE INDEX rounds_open ON rounds (session_id) WHERE state = 'open';
CREATE INDEX rounds_by_message ON rounds (message_id);
CREATE INDEX rounds_by_end ON rounds (ends_at) WHERE state = 'open';
CREATE INDEX rounds_to_tell ON rounds (id) WHERE told_at IS NULL AND state <> 'open';

CREATE TABLE proposals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    round_id INTEGER NOT NULL REFERENCES rounds (id),
    account_id INTEGER NOT NULL,
    prompt TEXT NOT NULL,
    UNIQUE (round_id, account_id)
) STRICT;

CREATE TABLE votes (
    round_id INTEGER NOT NULL REFERENCES rounds (id),
    account_id INTEGER NOT NULL,
    proposal_id INTEGER NOT NULL REFERENCES proposals (id),
    PRIMARY KEY (round_id, account_id)
) STRICT;

CREATE INDEX votes_by_proposal ON votes (proposal_id);
