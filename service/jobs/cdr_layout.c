#include "jobs/cdr_layout.h"

enum {
    BASE_COLUMNS = 16,
    SAMPLE_RECORDS = 500,
    COLUMNS_MOST = 21,
    ZONE_STEP_S = 900,   /* time zones are whole quarters of an hour apart */
    ZONE_SLACK_S = 120,  /* from the channel to the start of the record */
    ZONE_STEPS = 2 * 15 * 4 + 1,
};

/* --- words -------------------------------------------------------------------------------------- */

static void add_column(struct cdr_layout *layout, int field)
{
    layout->field_of[layout->columns++] = (int8_t)field;
}

static void master(bool has_uniqueid, bool has_userfield, bool is_new, struct cdr_layout *ret)
{
    *ret = (struct cdr_layout){0};
    for (int i = 0; i < BASE_COLUMNS; i++)
        add_column(ret, i);
    if (has_uniqueid)
        add_column(ret, CDR_UNIQUEID);
    if (has_userfield)
        add_column(ret, CDR_USERFIELD);
    for (int i = CDR_PEERACCOUNT; is_new && i <= CDR_SEQUENCE; i++)
        add_column(ret, i);
    snprintf(ret->text, sizeof ret->text, "master%s%s%s", has_uniqueid ? "+uniqueid" : "",
             has_userfield ? "+userfield" : "", is_new ? "+new" : "");
}

static bool has(const struct cdr_layout *layout, enum cdr_field field)
{
    for (unsigned i = 0; i < layout->columns; i++)
        if (layout->field_of[i] == (int)field)
            return true;
    return false;
}

static int column_named(struct cdr_layout *layout, struct slice name, bool may_be_unknown,
                        struct err *err)
{
    int field = cdr_field_of(name);
    if (layout->columns == CSV_FIELDS_MAX)
        return err_set(err, ERR_INVALID, "more than %d columns", CSV_FIELDS_MAX);
    if (field < 0 && name.n && !may_be_unknown)
        return err_set(err, ERR_INVALID, "no field is called \"%.*s\"", SLICE_ARG(name));
    if (field >= 0 && has(layout, (enum cdr_field)field))
        field = -1; /* calldate beside start: the first one counts */
    add_column(layout, field);
    return 0;
}

static int check_needed(const struct cdr_layout *layout, struct err *err)
{
    if (!has(layout, CDR_START) || !has(layout, CDR_DST))
        return err_set(err, ERR_INVALID, "a layout needs at least the columns start and dst");
    return 0;
}

static int parse_columns(struct slice text, struct cdr_layout *ret, struct err *err)
{
    struct cdr_layout layout = {0};
    struct slice rest = {text.p + 8, text.n - 8};
    snprintf(layout.text, sizeof layout.text, "%.*s", SLICE_ARG(text));
    for (bool is_more = true; is_more;) {
        const char *comma = rest.n ? memchr(rest.p, ',', rest.n) : NULL;
        struct slice name = {rest.p, comma ? (size_t)(comma - rest.p) : rest.n};
        int r = column_named(&layout, name, false, err);
        if (r < 0)
            return r;
        is_more = comma != NULL;
        rest.p += name.n + is_more;
        rest.n -= name.n + is_more;
    }
    int r = check_needed(&layout, err);
    if (r == 0)
        *ret = layout;
    return r;
}

int cdr_layout_parse(struct slice text, struct cdr_layout *ret, struct err *err)
{
    if (text.n >= CDR_LAYOUT_BYTES)
        return err_set(err, ERR_INVALID, "a layout has less than %d characters", CDR_LAYOUT_BYTES);
    if (slice_starts_with(text, SLICE_LIT("columns:")))
        return parse_columns(text, ret, err);
    for (int bits = 0; bits < 8; bits++) {
        struct cdr_layout layout;
        master(bits & 1, bits & 2, bits & 4, &layout);
        if (slice_equals_text(text, layout.text)) {
            *ret = layout;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID,
                   "expected master, master+uniqueid, master+uniqueid+userfield and so on with +new, "
                   "or columns:NAME,NAME,…");
}

/* --- times -------------------------------------------------------------------------------------- */

static bool two_digits(const char *p, int *ret)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *ret = (p[0] - '0') * 10 + p[1] - '0';
    return true;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar (Hinnant, "chrono-compatible date
 * algorithms"). */
static int64_t days_of(int year, int month, int day)
{
    year -= month <= 2;
    int64_t era = year / 400;
    int of_era = (int)(year - era * 400);
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool cdr_time_parse(struct slice text, int64_t *ret_s)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int century, year, month, day, hour, minute, second;
    const char *p = text.p;
    if (text.n < 19 || !two_digits(p, &century) || !two_digits(p + 2, &year) || p[4] != '-' ||
        !two_digits(p + 5, &month) || p[7] != '-' || !two_digits(p + 8, &day) ||
        (p[10] != ' ' && p[10] != 'T') || !two_digits(p + 11, &hour) || p[13] != ':' ||
        !two_digits(p + 14, &minute) || p[16] != ':' || !two_digits(p + 17, &second))
        return false;
    if (text.n > 19 && (p[19] != '.' || !slice_is_digits((struct slice){p + 20, text.n - 20})))
        return false;
    year += century * 100;
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days[month - 1] ||
        (month == 2 && day == 29 && !is_leap) || hour > 23 || minute > 59 || second > 60)
        return false;
    *ret_s = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}

bool cdr_uniqueid_time(struct slice text, int64_t *ret_s)
{
    const char *dot = text.n ? memrchr(text.p, '.', text.n) : NULL;
    if (!dot || !slice_is_digits((struct slice){dot + 1, (size_t)(text.p + text.n - dot - 1)}) ||
        dot + 1 == text.p + text.n)
        return false;
    const char *start = dot;
    int64_t value = 0;
    while (start > text.p && start[-1] >= '0' && start[-1] <= '9')
        start--;
    if (dot - start < 9 || dot - start > 11 || (start > text.p && start[-1] != '-'))
        return false;
    for (const char *p = start; p < dot; p++)
        value = value * 10 + *p - '0';
    *ret_s = value;
    return true;
}

/* --- looking at a sample ------------------------------------------------------------------------ */

/* What the sample shows, by number of columns. */
struct tally {
    unsigned records, all[CSV_FIELDS_MAX + 1], fitting[COLUMNS_MOST + 1];
    unsigned ids_17[COLUMNS_MOST + 1], empty_17[COLUMNS_MOST + 1]; /* of the fitting */
};

static bool is_time_or_empty(struct slice text)
{
    int64_t s;
    return text.n == 0 || cdr_time_parse(text, &s);
}

static bool is_disposition(struct slice text)
{
    static const char *const words[] = {"ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_equals_text(text, words[i]))
            return true;
    return false;
}

static bool fits(const struct csv *csv)
{
    int64_t s;
    const struct slice *fields = csv->fields;
    return csv->count >= BASE_COLUMNS && csv->count <= COLUMNS_MOST &&
           cdr_time_parse(fields[CDR_START], &s) && is_time_or_empty(fields[CDR_ANSWER]) &&
           is_time_or_empty(fields[CDR_END]) && slice_is_digits(fields[CDR_DURATION]) &&
           slice_is_digits(fields[CDR_BILLSEC]) && is_disposition(fields[CDR_DISPOSITION]);
}

static void count(const struct csv *csv, struct tally *tally)
{
    int64_t s;
    tally->records++;
    tally->all[csv->count]++;
    if (!fits(csv))
        return;
    tally->fitting[csv->count]++;
    if (csv->count > BASE_COLUMNS) {
        tally->ids_17[csv->count] += cdr_uniqueid_time(csv->fields[BASE_COLUMNS], &s);
        tally->empty_17[csv->count] += csv->fields[BASE_COLUMNS].n == 0;
    }
}

/* Is the first line one that names columns? Then *ret is its layout. */
static bool is_header(const struct csv *csv, struct cdr_layout *ret)
{
    struct cdr_layout layout = {.has_header = true};
    struct buf text = BUF_OVER(layout.text);
    buf_add_text(&text, "columns:");
    for (unsigned i = 0; i < csv->count; i++) {
        if (column_named(&layout, csv->fields[i], true, NULL) < 0)
            return false;
        int field = layout.field_of[i];
        buf_printf(&text, "%s%s", i ? "," : "", field < 0 ? "" : cdr_field_name((enum cdr_field)field));
    }
    if (text.overflowed || check_needed(&layout, NULL) < 0)
        return false;
    *ret = layout;
    return true;
}

/* The 17th column with its why, where that could be either. */
static bool has_uniqueid(const struct tally *tally, unsigned columns, char *why, size_t cap)
{
    unsigned of = tally->fitting[columns], ids = tally->ids_17[columns], empty = tally->empty_17[columns];
    bool is_id = ids * 2 > of;
    snprintf(why, cap, "; the 17th column is an id of a channel in %u and empty in %u: %s", ids, empty,
             is_id ? "uniqueid" : "userfield");
    return is_id;
}

static int choose(const struct tally *tally, struct cdr_detected *ret, struct err *err)
{
    char more[120] = "";
    unsigned best = BASE_COLUMNS, most = 0;
    for (unsigned i = BASE_COLUMNS; i <= COLUMNS_MOST; i++)
        if (tally->fitting[i] > tally->fitting[best])
            best = i;
    for (unsigned i = 0; i <= CSV_FIELDS_MAX; i++)
        if (tally->all[i] > tally->all[most])
            most = i;
    if (tally->fitting[best] * 2 < tally->records || tally->records == 0)
        return err_set(err, ERR_INVALID,
                       "%u of %u records look like Master.csv (most have %u columns): say which layout "
                       "it is",
                       tally->fitting[best], tally->records, most);
    unsigned extra = best - BASE_COLUMNS;
    bool is_new = extra >= 3, is_either = extra % 3 == 1;
    bool is_id = extra % 3 == 2 || (is_either && has_uniqueid(tally, best, more, sizeof more));
    master(is_id, extra % 3 == 2 || (is_either && !is_id), is_new, &ret->layout);
    ret->records = tally->records;
    ret->fitting = tally->fitting[best];
    snprintf(ret->why, sizeof ret->why,
             "%u of %u records have %u columns with times and a disposition where they belong%s",
             ret->fitting, ret->records, best, more);
    return 0;
}

int cdr_layout_detect(struct slice sample, struct cdr_detected *ret, struct err *err)
{
    struct csv *csv = malloc(sizeof *csv);
    struct tally tally = {0};
    struct cdr_detected detected = {0};
    if (!csv)
        return err_set(err, ERR_NOMEM, "out of memory");
    csv_init(csv, sample);
    for (int r = 1, first = 1; tally.records < SAMPLE_RECORDS && r != 0; first = 0) {
        r = csv_next(csv, NULL);
        if (r == 1 && first && is_header(csv, &detected.layout)) {
            snprintf(detected.why, sizeof detected.why, "the first line names the columns");
            break;
        }
        if (r == 1)
            count(csv, &tally);
        tally.records += r < 0;
    }
    free(csv);
    int r = detected.layout.columns ? 0 : choose(&tally, &detected, err);
    if (r < 0)
        return r;
    cdr_zone_detect(sample, &detected);
    *ret = detected;
    return 0;
}

/* --- the zone of the times ---------------------------------------------------------------------- */

static int column_of(const struct cdr_layout *layout, enum cdr_field field)
{
    for (unsigned i = 0; i < layout->columns; i++)
        if (layout->field_of[i] == (int)field)
            return (int)i;
    return -1;
}

/* Which quarter of an hour the record's clock is apart from UTC; -1: it does not tell. */
static int zone_step(const struct csv *csv, int start, int id)
{
    int64_t shown, made;
    if ((int)csv->count <= start || (int)csv->count <= id ||
        !cdr_time_parse(csv->fields[start], &shown) || !cdr_uniqueid_time(csv->fields[id], &made))
        return -1;
    int64_t apart = shown - made + ZONE_STEPS / 2 * (int64_t)ZONE_STEP_S;
    if (apart < 0 || apart / ZONE_STEP_S >= ZONE_STEPS || apart % ZONE_STEP_S > ZONE_SLACK_S)
        return -1;
    return (int)(apart / ZONE_STEP_S);
}

void cdr_zone_detect(struct slice sample, struct cdr_detected *detected)
{
    unsigned votes[ZONE_STEPS] = {0}, all = 0, best = 0;
    int start = column_of(&detected->layout, CDR_START), id = column_of(&detected->layout, CDR_UNIQUEID);
    struct csv *csv = start >= 0 && id >= 0 ? malloc(sizeof *csv) : NULL;
    if (!csv)
        return;
    csv_init(csv, sample);
    for (int r = 1; r != 0 && all < SAMPLE_RECORDS;) {
        r = csv_next(csv, NULL);
        int step = r == 1 ? zone_step(csv, start, id) : -1;
        if (step >= 0) {
            all++;
            votes[step]++;
        }
    }
    free(csv);
    for (unsigned i = 0; i < ZONE_STEPS; i++)
        if (votes[i] > votes[best])
            best = i;
    detected->offset_records = votes[best];
    detected->offset_s = ((int32_t)best - ZONE_STEPS / 2) * ZONE_STEP_S;
    detected->has_offset = votes[best] > 0 && votes[best] * 10 >= all * 9;
}
