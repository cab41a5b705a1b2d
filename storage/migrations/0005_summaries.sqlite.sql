-- When the summary of a closed session was posted; until then, closing it again posts it.
ALTER TABLE sessions ADD COLUMN summed_up_at INTEGER CHECK (summed_up_at IS NULL OR state = 'closed');
UPDATE sessions SET summed_up_at = closed_at;
