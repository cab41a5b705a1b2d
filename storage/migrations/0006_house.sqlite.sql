-- A server's own rules for edits. Bounds are in hundredths; an option has a row as long as one of the three is set.
CREATE TABLE house_options (
    guild_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- What stands for the option when it is left out, as JSON.
    standard TEXT,
    least INTEGER,
    most INTEGER,
    PRIMARY KEY (guild_id, name)
) STRICT;

-- The LoRAs that its managers let in.
CREATE TABLE house_loras (
    guild_id INTEGER NOT NULL,
    air TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (guild_id, air)
) STRICT;

-- The channels whose edits Runware does not check.
CREATE TABLE house_channels (
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    PRIMARY KEY (guild_id, channel_id)
) STRICT;
