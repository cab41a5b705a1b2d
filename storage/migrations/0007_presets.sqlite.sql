-- Named sets of options. Whose one is says its account: a member's own, or the server's for those that all may use.
-- One that is saved anew under its name becomes another row: a form that was opened on the old one is told so.
CREATE TABLE presets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id INTEGER NOT NULL,
    -- The account of who saved it.
    maker_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- The name as it is compared: without case and odd spellings.
    folded TEXT NOT NULL,
    -- Options by name, as JSON.
    options TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    UNIQUE (owner_id, folded)
) STRICT;
