/* Rows of call_totals: sums of calls that are no longer there one by one. */
#ifndef SEKISHO_STORE_CALL_TOTALS_H
#define SEKISHO_STORE_CALL_TOTALS_H

/* Ends an INSERT into call_totals: what is there already is added to. */
#define CALL_TOTALS_ADD                                                                            \
    "ON CONFLICT (tenant, account, is_overseas, country, mark) DO UPDATE SET "                     \
    "calls = call_totals.calls + excluded.calls, "                                                 \
    "answered = call_totals.answered + excluded.answered, "                                        \
    "seconds = call_totals.seconds + excluded.seconds, "                                           \
    "first_at_ms = CASE WHEN excluded.first_at_ms < call_totals.first_at_ms "                      \
    "THEN excluded.first_at_ms ELSE call_totals.first_at_ms END, "                                 \
    "last_at_ms = CASE WHEN excluded.last_at_ms > call_totals.last_at_ms "                         \
    "THEN excluded.last_at_ms ELSE call_totals.last_at_ms END"

#endif
