-- Who may edit a person's pictures: what they said themselves, and what stands where they said nothing.
ALTER TABLE preferences ADD COLUMN consent TEXT CHECK (consent IN ('anyone', 'session', 'nobody'));
ALTER TABLE servers ADD COLUMN consent TEXT NOT NULL DEFAULT 'anyone' CHECK (consent IN ('anyone', 'session', 'nobody'));

-- Channels whose pictures only those may edit who posted them.
CREATE TABLE spared_channels (
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    PRIMARY KEY (guild_id, channel_id)
) STRICT;

-- A copy of a result that was taken down is known by its bytes, too.
DROP INDEX results_by_picture;
CREATE INDEX results_by_picture ON results (sha256) WHERE sha256 IS NOT NULL;

-- Kept as it is by who asked for it: nobody else edits it.
ALTER TABLE results ADD COLUMN closed_at INTEGER;

-- Whose a file is, by its bytes, and where they posted it: thread 0 is nowhere yet, channel 0 is none at all.
CREATE TABLE file_authors (
    guild_id INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    account_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    posted_at INTEGER NOT NULL,
    -- The result that it is a copy of: closed, it stays as it is in any copy.
    result_id INTEGER,
    PRIMARY KEY (guild_id, sha256, account_id, thread_id)
) STRICT;

CREATE INDEX file_authors_by_account ON file_authors (account_id);

-- The authors of the files that a job was made of, near and far: they are asked about what is made of it, too.
CREATE TABLE job_authors (
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    account_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, account_id, thread_id)
) STRICT;

CREATE INDEX job_authors_by_account ON job_authors (account_id);

-- What was asked for before this stands for what was given with it: the asker is the author of their own files.
INSERT INTO file_authors (guild_id, sha256, account_id, channel_id, thread_id, posted_at)
SELECT jobs.guild_id, json_extract(entry.value, '$.sha256'), jobs.account_id, min(jobs.channel_id),
    coalesce(jobs.thread_id, jobs.reply_id), min(jobs.created_at)
FROM jobs JOIN json_each(jobs.request, '$.references') AS entry
WHERE json_extract(entry.value, '$.result_id') IS NULL
GROUP BY jobs.guild_id, json_extract(entry.value, '$.sha256'), jobs.account_id,
    coalesce(jobs.thread_id, jobs.reply_id);

-- Authors are carried on from each job to those that were made of its results, once for each place: a long chain of one
-- person's edits takes as many steps as it has edits.
WITH RECURSIVE carried (job_id, account_id, channel_id, thread_id) AS (
    SELECT jobs.id, jobs.account_id, jobs.channel_id, coalesce(jobs.thread_id, jobs.reply_id)
    FROM jobs
    WHERE EXISTS (
        SELECT 1 FROM json_each(jobs.request, '$.references') AS entry
        WHERE json_extract(entry.value, '$.result_id') IS NULL
    )
    UNION
    SELECT lineage.job_id, carried.account_id, carried.channel_id, carried.thread_id
    FROM carried
    JOIN results ON results.job_id = carried.job_id
    JOIN lineage ON lineage.result_id = results.id
)
INSERT INTO job_authors (job_id, account_id, channel_id, thread_id)
SELECT job_id, account_id, min(channel_id), thread_id
FROM carried
GROUP BY job_id, account_id, thread_id;

-- What members have gathered for their next edits, each for a day after its last change. The row is the tray's lock.
CREATE TABLE trays (
    account_id INTEGER PRIMARY KEY,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX trays_by_time ON trays (changed_at);

-- The pictures of trays, in order: an edit uses the first ones, and those beyond what it takes wait to be chosen.
CREATE TABLE tray_pictures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES trays (account_id) ON DELETE CASCADE,
    place INTEGER NOT NULL CHECK (place >= 0),
    sha256 TEXT NOT NULL,
    -- The result that it is; a file is none.
    result_id INTEGER,
    -- The reference, as JSON, and the message that it was taken from.
    reference TEXT NOT NULL,
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    UNIQUE (account_id, sha256)
) STRICT;

CREATE INDEX tray_pictures_by_hash ON tray_pictures (sha256);

-- Pictures of a message for which a member has a form open. Each is read once the form stands.
CREATE TABLE picks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    -- What the message shows, as JSON that names nobody.
    found TEXT NOT NULL,
    -- Who posted it, where and when; nobody, where it shows files that the bot knows already.
    author_id INTEGER,
    channel_id INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    posted_at INTEGER NOT NULL,
    -- Where the message stands: a thread or a channel.
    seen_in INTEGER NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;

CREATE INDEX picks_of_member ON picks (account_id);
CREATE INDEX picks_by_author ON picks (author_id);
CREATE INDEX picks_by_time ON picks (made_at);

-- The pictures of picks that were read, by their number in the message: they stay in the picture store as long as their
-- pick does.
CREATE TABLE pick_pictures (
    pick_id INTEGER NOT NULL REFERENCES picks (id) ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number >= 1),
    sha256 TEXT NOT NULL,
    reference TEXT NOT NULL,
    PRIMARY KEY (pick_id, number)
) STRICT;

CREATE INDEX pick_pictures_by_hash ON pick_pictures (sha256);

-- A person is looked for in every server, to be told or forgotten.
CREATE INDEX accounts_by_holder ON accounts (holder_id) WHERE scope = 'member';

-- Copies at Runware that somebody wants gone.
CREATE TABLE remote_deletions (
    image_uuid TEXT PRIMARY KEY,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX remote_deletions_by_time ON remote_deletions (due_at);

-- Messages of ours that show what somebody who was forgotten wrote or gave: they are drawn anew, as the card of a round
-- or as the reply to an edit, or go.
CREATE TABLE leftovers (
    message_id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    round_id INTEGER,
    job_id INTEGER,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    CHECK (round_id IS NULL OR job_id IS NULL)
) STRICT;

CREATE INDEX leftovers_by_time ON leftovers (due_at);

-- All that is known of a person is read by these, and taken away.
CREATE INDEX jobs_by_account ON jobs (account_id, id);
CREATE INDEX job_pictures_by_job ON job_pictures (job_id);
CREATE INDEX file_authors_by_hash ON file_authors (sha256);
CREATE INDEX offers_by_account ON offers (account_id, id);
CREATE INDEX presets_by_maker ON presets (maker_id, id);
CREATE INDEX sweeps_by_account ON sweeps (account_id, id);
CREATE INDEX claims_by_account ON claims (account_id, result_id);
CREATE INDEX stars_by_account ON stars (account_id, result_id);
CREATE INDEX sessions_by_owner ON sessions (owner_id, id);
CREATE INDEX session_people_by_account ON session_people (account_id, session_id);
CREATE INDEX rounds_by_opener ON rounds (opener_id, id);
CREATE INDEX rounds_with_reason ON rounds (session_id) WHERE reason IS NOT NULL;
CREATE INDEX proposals_by_account ON proposals (account_id, id);
CREATE INDEX votes_by_account ON votes (account_id, round_id);
CREATE INDEX grants_by_subject ON grants (subject_id, id) WHERE scope = 'member';
CREATE INDEX grants_by_giver ON grants (giver_id, id);
CREATE INDEX grant_uses_by_holder ON grant_uses (holder_id, grant_id);
CREATE INDEX usage_of_member ON usage (key, day) WHERE dimension = 'member';
CREATE INDEX audit_by_account ON audit (account_id, id);
