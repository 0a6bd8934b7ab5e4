#include "doors/campaign_json.h"

#include "base/clock.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static json_t *time_or_null(int64_t ms)
{
    char text[CLOCK_TEXT_BYTES];
    return ms ? json_string(clock_format(ms, text)) : json_null();
}

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *number_or_null(uint64_t number)
{
    return number ? json_integer((json_int_t)number) : json_null();
}

/* --- a campaign ----------------------------------------------------------------------------------- */

static json_t *write_counts(const struct campaign *campaign)
{
    json_t *counts = json_object();
    for (unsigned i = 0; counts && i < MEMBER_STATES; i++)
        json_object_set_new(counts, member_state_words[i],
                            json_integer((json_int_t)campaign->counts[i]));
    return counts;
}

static json_t *write_rule(const struct campaign *campaign)
{
    return json_pack("{s:s, s:s, s:o, s:o}", "target", campaign->target.text, "action",
                     action_word(campaign->action), "divert_to", text_or_null(campaign->divert_to),
                     "note", text_or_null(campaign->note));
}

/* Of the job under way; null when there is none. */
static json_t *write_progress(const struct campaign *campaign)
{
    if (!campaign_is_job(campaign->state))
        return json_null();
    const char *slash = strchr(campaign->run, '/');
    json_t *node = slash ? json_stringn(campaign->run, (size_t)(slash - campaign->run))
                         : json_null();
    return json_pack("{s:I, s:o, s:o}", "done", (json_int_t)campaign->done, "total",
                     number_or_null(campaign->total), "node", node);
}

json_t *campaign_write(const struct campaign *campaign)
{
    return json_pack(
        "{s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:I, s:I, s:b, s:o, s:o, s:o, s:s, s:o, s:o, s:o, "
        "s:o, s:o, s:o, s:o}",
        "id", campaign->id, "name", campaign->name, "state",
        campaign_state_words[campaign->state], "paused", campaign->is_paused, "selection",
        json_loads(campaign->selection, 0, NULL), "rule", write_rule(campaign), "apply_at",
        time_or_null(campaign->apply_at_ms), "grace_days",
        (json_int_t)(campaign->grace_ms / DAY_MS), "rate", (json_int_t)campaign->rate, "forced",
        campaign->is_forced, "progress", write_progress(campaign), "counts",
        write_counts(campaign), "last_error", text_or_null(campaign->last_error), "created_by",
        campaign->created_by, "created_at", time_or_null(campaign->created_at_ms), "planned_at",
        time_or_null(campaign->planned_at_ms), "notified_at",
        time_or_null(campaign->notified_at_ms), "started_at",
        time_or_null(campaign->started_at_ms), "applied_at",
        time_or_null(campaign->applied_at_ms), "undone_at", time_or_null(campaign->undone_at_ms),
        "updated_at", time_or_null(campaign->updated_at_ms));
}

json_t *campaign_reasons_write(const struct member_count *counts, unsigned count)
{
    json_t *array = json_array();
    for (unsigned i = 0; array && i < count; i++)
        json_array_append_new(array,
                              json_pack("{s:s, s:s, s:I}", "state",
                                        member_state_words[counts[i].state], "reason",
                                        member_reason_words[counts[i].reason], "accounts",
                                        (json_int_t)counts[i].accounts));
    return array;
}

/* --- its accounts --------------------------------------------------------------------------------- */

static json_t *write_answer(const struct campaign_member *member)
{
    if (!member->answer[0])
        return json_null();
    return json_pack("{s:s, s:o, s:s, s:o, s:o}", "answer", member->answer, "by",
                     text_or_null(member->answer_by), "via", member->answer_via, "address",
                     text_or_null(member->answer_address), "at",
                     time_or_null(member->answered_at_ms));
}

static json_t *write_member(const struct campaign_member *member)
{
    return json_pack(
        "{s:s, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "tenant", member->tenant, "account", text_or_null(member->account), "state",
        member_state_words[member->state], "reason", member_reason_words[member->reason],
        "days_covered", (json_int_t)member->days_covered, "days_wanted",
        (json_int_t)member->days_wanted, "calls", (json_int_t)member->calls, "overseas_calls",
        (json_int_t)member->overseas_calls, "last_overseas_at",
        time_or_null(member->last_overseas_ms), "notified_at",
        time_or_null(member->notified_at_ms), "answer", write_answer(member), "rule",
        text_or_null(member->rule), "replaced", text_or_null(member->replaced), "applied_at",
        time_or_null(member->applied_at_ms), "revision", number_or_null(member->revision),
        "undone_at", time_or_null(member->undone_at_ms), "undone_revision",
        number_or_null(member->undone_revision));
}

json_t *campaign_members_write(const struct campaign_member *members, unsigned count)
{
    json_t *array = json_array();
    for (unsigned i = 0; array && i < count; i++)
        if (json_array_append_new(array, write_member(&members[i]))) {
            json_decref(array);
            return NULL;
        }
    return array;
}
