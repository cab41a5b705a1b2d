-- Runware's own words for why an edit failed, made harmless: shown beside ours where they help.
ALTER TABLE jobs ADD COLUMN error_message TEXT;
