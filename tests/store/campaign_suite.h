/* Short forms for the tests of campaigns. */
#ifndef SEKISHO_TESTS_STORE_CAMPAIGN_SUITE_H
#define SEKISHO_TESTS_STORE_CAMPAIGN_SUITE_H

#include "store/campaigns_job.h"
#include "suite.h"

/* Workers of two nodes. */
extern const char run_a[], run_b[];

/* A deny of 010, as it is given to store_campaign_create(). */
struct campaign a_campaign(enum campaign_level level);
struct campaign get_campaign(struct suite *suite, const char *id);
/* The campaign that waits for a worker, taken by `run`. */
struct campaign_run take_campaign(struct suite *suite, const char *run);
bool can_take(struct suite *suite, const char *run);
/* One that is in by its history. */
struct planned planned(const char *tenant, const char *account);
/* A campaign whose plan has looked at those; its id, in the suite's arena. */
const char *make_plan(struct suite *suite, enum campaign_level level, const struct planned *list,
                      unsigned count);
/* Forced. */
void order_campaign(struct suite *suite, const char *id, enum campaign_verb verb);
void order_refused(struct suite *suite, const char *id, struct campaign_order it, int code);
/* The whole job, `limit` accounts a transaction; returns how many were done. */
unsigned work_at(struct suite *suite, const char *id, enum campaign_verb verb, unsigned limit);
struct campaign_member get_member(struct suite *suite, const char *id, const char *tenant,
                                  const char *account);
/* The campaign's numbers are those of its rows. */
void check_counts(struct suite *suite, const char *id);
/* acme with 1001 and 1002, beta with 2001; without rules. */
void put_two_tenants(struct suite *suite);

#define IS(suite, id, tenant, account, state_, reason_)                                            \
    do {                                                                                           \
        struct campaign_member it_ = get_member(suite, id, tenant, account);                           \
        assert_string_equal(member_state_words[it_.state], member_state_words[state_]);            \
        assert_string_equal(member_reason_words[it_.reason], member_reason_words[reason_]);        \
    } while (0)

#endif
