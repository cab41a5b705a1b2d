-- A channel in which the results with so many stars are posted once.
ALTER TABLE servers ADD COLUMN showcase_channel_id INTEGER;
ALTER TABLE servers ADD COLUMN showcase_stars INTEGER NOT NULL DEFAULT 3 CHECK (showcase_stars > 0);

CREATE TABLE showcase (
    result_id INTEGER PRIMARY KEY REFERENCES results (id),
    reached_at INTEGER NOT NULL,
    -- When to post it (again); unset once it was posted, or never can be.
    post_at INTEGER,
    tries INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX showcase_to_post ON showcase (post_at, result_id) WHERE post_at IS NOT NULL;
