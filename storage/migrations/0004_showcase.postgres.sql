-- A channel in which the results with so many stars are posted once.
ALTER TABLE servers ADD COLUMN showcase_channel_id BIGINT;
ALTER TABLE servers ADD COLUMN showcase_stars BIGINT NOT NULL DEFAULT 3 CHECK (showcase_stars > 0);

CREATE TABLE showcase (
    result_id BIGINT PRIMARY KEY REFERENCES results (id),
    reached_at BIGINT NOT NULL,
    -- When to post it (again); unset once it was posted, or never can be.
    post_at BIGINT,
    tries BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX showcase_to_post ON showcase (post_at, result_id) WHERE post_at IS NOT NULL;
