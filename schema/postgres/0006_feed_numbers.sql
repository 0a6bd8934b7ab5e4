-- Numbers of the feed's commits, drawn as the last thing before each commit (service/store/pg_feed.h): a long
-- write holds nobody's receipts back. They go on behind those of before, which were the transactions' own.

CREATE SEQUENCE feed_numbers MINVALUE 0 START 0;
SELECT set_config('sekisho.tenant', '*', true);
SELECT setval('feed_numbers', GREATEST(
    pg_current_xact_id()::text::bigint,
    (SELECT COALESCE(MAX(seq), 0) FROM feed),
    (SELECT COALESCE(MAX(feed_complete), 0) FROM nodes)));
