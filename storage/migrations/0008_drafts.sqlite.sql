-- Edits that members are still writing. Values are what was typed, by option name, wrong ones included.
CREATE TABLE drafts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    typed TEXT NOT NULL,
    pictures TEXT NOT NULL,
    parent_id INTEGER,
    -- The result whose prompt it has, until other words are typed.
    words_of INTEGER,
    made_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX drafts_of_member ON drafts (account_id, changed_at);
CREATE INDEX drafts_by_time ON drafts (changed_at);

-- The files that were given to drafts: they stay in the picture store as long as their draft does.
CREATE TABLE draft_pictures (
    draft_id INTEGER NOT NULL REFERENCES drafts (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (draft_id, sha256)
) STRICT;

CREATE INDEX draft_pictures_by_hash ON draft_pictures (sha256);

-- The draft that a request was written as; it goes when its asker says yes.
ALTER TABLE offers ADD COLUMN draft_id INTEGER;
CREATE INDEX offers_by_draft ON offers (draft_id) WHERE draft_id IS NOT NULL;
