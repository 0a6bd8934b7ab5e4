-- Which nodes there are, and how far each of them follows the feed.

CREATE TABLE nodes (
    name              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    run               TEXT COLLATE "C" NOT NULL,
    address           TEXT COLLATE "C" NOT NULL,
    version           TEXT COLLATE "C" NOT NULL,
    key_fingerprint   TEXT COLLATE "C" NOT NULL,
    keys_agree        INTEGER NOT NULL,
    numbering         TEXT COLLATE "C" NOT NULL,
    numbering_data    TEXT COLLATE "C" NOT NULL,
    behind            TEXT COLLATE "C" NOT NULL,
    feed_complete     BIGINT NOT NULL,
    platform_revision BIGINT NOT NULL,
    started_at_ms     BIGINT NOT NULL,
    heartbeat_at_ms   BIGINT NOT NULL
);

CREATE TABLE receipts (
    node          TEXT COLLATE "C" NOT NULL REFERENCES nodes (name) ON DELETE CASCADE,
    feed_complete BIGINT NOT NULL,
    at_ms         BIGINT NOT NULL,
    PRIMARY KEY (node, feed_complete)
);
