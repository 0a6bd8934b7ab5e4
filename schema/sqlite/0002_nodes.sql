-- Which nodes there are, and how far each of them follows the feed.

CREATE TABLE nodes (
    name              TEXT NOT NULL PRIMARY KEY,
    run               TEXT NOT NULL,
    address           TEXT NOT NULL,
    version           TEXT NOT NULL,
    key_fingerprint   TEXT NOT NULL,
    keys_agree        INTEGER NOT NULL,
    numbering         TEXT NOT NULL,
    numbering_data    TEXT NOT NULL,
    behind            TEXT NOT NULL,
    feed_complete     BIGINT NOT NULL,
    platform_revision BIGINT NOT NULL,
    started_at_ms     BIGINT NOT NULL,
    heartbeat_at_ms   BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE receipts (
    node          TEXT NOT NULL REFERENCES nodes (name) ON DELETE CASCADE,
    feed_complete BIGINT NOT NULL,
    at_ms         BIGINT NOT NULL,
    PRIMARY KEY (node, feed_complete)
) WITHOUT ROWID;
