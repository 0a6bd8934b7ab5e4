/*
 * Tenants, accounts and their calls, as many as wanted, alike each time for the same seed.
 *
 *     make build/tests/story/generate
 *     build/tests/story/generate --out DIR [--tenants 10000] [--accounts 200000] [--calls 2000000]
 *
 *     DIR/tenants.ndjson    for POST /v1/provision: each tenant before its accounts; customers of old, who
 *                           began without rules
 *     DIR/Master.csv        calls as Asterisk writes them, in order of time, in Japan's time
 *     DIR/overseas.csv      tenant,account,calls,answered abroad: what has to be found out
 *
 * Like the real thing it is uneven: a few tenants have many accounts, a few accounts make most of the
 * calls, offices call by day and on weekdays. Of all accounts --abroad percent (20) may call abroad, and
 * three quarters of these do, in one of the ways that people write such numbers. A part of the tenants
 * dials 0 for an outside line. --bad P adds P lines in a thousand that are wrong in some way.
 *
 * Numbers are fictitious where the plan has some (555-01xx), else a prefix with zeros.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/clock.h"

struct plan {
    unsigned tenants, accounts, calls, abroad, bad, days, columns;
    uint64_t seed;
    const char *out;
    int64_t until; /* Unix seconds; the last call begins before it */
};

struct account {
    unsigned tenant, number; /* number within the tenant */
    unsigned calls, answered; /* abroad */
    bool calls_abroad;
};

struct call {
    int64_t at; /* Unix seconds */
    unsigned account;
};

static struct plan plan = {10000, 200000, 2000000, 20, 0, 200, 18, 1, ".", 0};
static struct account *accounts;

/* --- chance ------------------------------------------------------------------------------------- */

static uint64_t state;

/* SplitMix64 (Steele, Lea, Flood 2014) */
static uint64_t next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
    return (unsigned)((next() >> 32) * n >> 32);
}

static double unit(void)
{
    return (double)(next() >> 11) / 9007199254740992.0;
}

/* --- who ---------------------------------------------------------------------------------------- */

/* Every tenant has one account; the others are dealt out so that tenant t gets a share like 1/(t+10). */
static void make_accounts(void)
{
    double total = 0;
    unsigned made = 0;
    for (unsigned t = 0; t < plan.tenants; t++)
        total += 1.0 / (t + 10);
    double due = 0;
    unsigned extra = plan.accounts - plan.tenants, dealt = 0;
    for (unsigned t = 0; t < plan.tenants; t++) {
        due += extra / total / (t + 10);
        unsigned own = 1;
        while (dealt < extra && (dealt + 0.5 < due || t + 1 == plan.tenants)) {
            dealt++;
            own++;
        }
        for (unsigned i = 0; i < own; i++)
            accounts[made++] = (struct account){
                .tenant = t, .number = 1001 + i, .calls_abroad = below(100) < plan.abroad};
    }
}

static bool has_outside_line(unsigned tenant)
{
    return (tenant * 2654435761u >> 16) % 10 < 3;
}

static void write_tenants(FILE *out)
{
    for (unsigned i = 0; i < plan.accounts; i++) {
        const struct account *account = &accounts[i];
        unsigned t = account->tenant;
        if (account->number == 1001)
            fprintf(out,
                    "{\"tenant\":\"t%05u\",\"name\":\"Kaisha %u K.K.\",\"profile\":\"open\","
                    "\"locale\":\"%s\",\"outside_line\":\"%s\","
                    "\"contacts\":[{\"name\":\"Soumu\",\"email\":\"soumu@t%05u.example\"}]}\n",
                    t, t, t % 4 ? "ja" : "en", has_outside_line(t) ? "0" : "", t);
        fprintf(out, "{\"tenant\":\"t%05u\",\"account\":\"%u\",\"display_name\":\"Desk %u\"}\n", t,
                account->number, account->number);
    }
}

/* --- when --------------------------------------------------------------------------------------- */

/* A time in the last plan.days days: mostly on weekdays, mostly from nine to six in Japan. */
static int64_t any_time(void)
{
    enum { DAY = 86400, JAPAN = 9 * 3600 };
    for (;;) {
        int64_t local = (plan.until + JAPAN) / DAY * DAY - (int64_t)below(plan.days) * DAY;
        int64_t weekday = local / DAY % 7; /* 1970-01-01 was a Thursday: 2 and 3 are the weekend */
        unsigned second = below(10) ? 9 * 3600 + below(9 * 3600) : below(DAY);
        int64_t at = local + second - JAPAN;
        if (at < plan.until && (weekday != 2 && weekday != 3 ? true : below(8) == 0))
            return at;
    }
}

static int by_time(const void *left, const void *right)
{
    const struct call *a = left, *b = right;
    return a->at != b->at ? (a->at > b->at) - (a->at < b->at)
                          : (a->account > b->account) - (a->account < b->account);
}

/* Few accounts make most of the calls; which ones, the seed tells. */
static unsigned any_account(void)
{
    double u = unit();
    uint64_t rank = (uint64_t)(u * u * plan.accounts);
    return (unsigned)((rank * 2654435761u + plan.seed) % plan.accounts);
}

static struct call *make_calls(void)
{
    struct call *calls = malloc(plan.calls * sizeof *calls);
    for (unsigned i = 0; calls && i < plan.calls; i++)
        calls[i] = (struct call){any_time(), any_account()};
    if (calls)
        qsort(calls, plan.calls, sizeof *calls, by_time);
    return calls;
}

/* --- what number -------------------------------------------------------------------------------- */

static void domestic(char *text, size_t cap)
{
    static const char *const plain[] = {"117", "177", "104", "110", "119"};
    unsigned n = below(10000), kind = below(1000);
    if (kind < 2)
        snprintf(text, cap, "%s", plain[below(5)]);
    else if (kind < 420)
        snprintf(text, cap, "0%u0%04u%04u", 7 + below(3), 1000 + below(9000), n);
    else if (kind < 800)
        snprintf(text, cap, "%s%04u%04u", (const char *[]){"03", "06"}[below(2)], 3000 + below(4000), n);
    else if (kind < 880)
        snprintf(text, cap, "050%04u%04u", 1000 + below(9000), n);
    else if (kind < 950)
        snprintf(text, cap, "0120%06u", below(1000000));
    else
        snprintf(text, cap, "0570%06u", below(1000000));
}

static void abroad(char *text, size_t cap)
{
    static const char *const numbers[] = {
        "121255501",  "121255501", "131055501",  "8610555000", "8621555000", "82255500", "88625550",
        "6625550",    "6325550",   "442079460",  "84245550",   "6565550",    "4930555000",
        "18765550",   "3361555500", "9122555000", "61255500",  "85225550",
    };
    static const char *const before[] = {"010", "010", "010", "010", "010", "+", "0033010",
                                         "0061010", "1840", "186010"};
    unsigned which = below(18) * below(18) / 18; /* the first ones most of all */
    const char *prefix = before[below(10)];
    snprintf(text, cap, "%s%s%s%02u", prefix, strcmp(prefix, "1840") == 0 ? "10" : "", numbers[which],
             below(100));
}

/* --- lines -------------------------------------------------------------------------------------- */

static void local_time(int64_t at, char text[24])
{
    char moment[CLOCK_TEXT_BYTES];
    clock_format((at + 9 * 3600) * 1000, moment);
    moment[10] = ' ';
    snprintf(text, 24, "%.19s", moment);
}

static void write_bad(FILE *out, const struct call *call, const char *start)
{
    switch (below(6)) {
    case 0: fprintf(out, "\"t00000\",\"1001\",\"0312345678\",\"out\",\"\n"); break;
    case 1: fprintf(out, "\"t00000\",\"1001\",\"03\"12\",\"out\",\"x\"\n"); break;
    case 2: fprintf(out, "\"nobody\",\"1\",\"0312345678\",\"out\",\"\",\"PJSIP/1-%08x\",\"\",\"Dial\","
                         "\"\",\"%s\",,\"%s\",1,0,\"NO ANSWER\",\"DOCUMENTATION\",\"%" PRId64 ".9\",\"\"\n",
                    (unsigned)call->at, start, start, call->at);
            break;
    case 3: fprintf(out, "\"t00000\",\"1001\",\"s\",\"in\",\"\",\"PJSIP/1001-%08x\",\"\",\"Hangup\",\"\","
                         "\"%s\",,\"%s\",1,0,\"NO ANSWER\",\"DOCUMENTATION\",\"%" PRId64 ".8\",\"\"\n",
                    (unsigned)call->at, start, start, call->at);
            break;
    case 4: fprintf(out, "\"t00000\",\"1001\",\"0312345678\",\"out\",\"\",\"PJSIP/1001-%08x\",\"\",\"Dial\","
                         "\"\",\"2099-01-01 00:00:00\",,\"2099-01-01 00:00:00\",1,0,\"FAILED\","
                         "\"DOCUMENTATION\",\"%" PRId64 ".7\",\"\"\n",
                    (unsigned)call->at, call->at);
            break;
    default: fprintf(out, "\"t00000\",\"1001\",\"0312345678\"\n");
    }
}

static void write_call(FILE *out, const struct call *call, unsigned serial)
{
    static const char *const dispositions[] = {"ANSWERED", "NO ANSWER", "BUSY", "FAILED"};
    struct account *account = &accounts[call->account];
    char number[64], start[24], answer[24], end[24];
    bool is_abroad = account->calls_abroad && below(5) == 0;
    unsigned chance = below(100), ring = 1 + below(20), talk = 0;
    unsigned how = chance < 70 ? 0 : chance < 88 ? 1 : chance < 96 ? 2 : 3;
    is_abroad ? abroad(number, sizeof number) : domestic(number, sizeof number);
    if (how == 0)
        talk = 1 + below(10 + below(900));
    account->calls += is_abroad;
    account->answered += is_abroad && how == 0;
    local_time(call->at, start);
    local_time(call->at + ring, answer);
    local_time(call->at + ring + talk, end);
    if (plan.bad && below(1000) < plan.bad)
        write_bad(out, call, start);
    fprintf(out,
            "\"t%05u\",\"%u\",\"%s%s\",\"from-internal\",\"\"\"Desk %u\"\" <%u>\",\"PJSIP/%u-%08x\","
            "\"PJSIP/trunk-%08x\",\"Dial\",\"PJSIP/%s@trunk,60\",\"%s\",",
            account->tenant, account->number, has_outside_line(account->tenant) ? "0" : "", number,
            account->number, account->number, account->number, 2 * serial, 2 * serial + 1, number,
            start);
    if (how == 0)
        fprintf(out, "\"%s\"", answer);
    fprintf(out, ",\"%s\",%u,%u,\"%s\",\"DOCUMENTATION\"", end, ring + talk, talk, dispositions[how]);
    if (plan.columns >= 18)
        fprintf(out, ",\"%" PRId64 ".%u\",\"\"", call->at, 2 * serial);
    if (plan.columns == 21)
        fprintf(out, ",\"\",\"%" PRId64 ".%u\",%u", call->at, 2 * serial, serial);
    fputc('\n', out);
}

/* --- the whole ---------------------------------------------------------------------------------- */

static FILE *create(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", plan.out, name);
    FILE *file = fopen(path, "w");
    if (!file) {
        fprintf(stderr, "generate: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    setvbuf(file, NULL, _IOFBF, 1 << 20);
    return file;
}

static void finish(FILE *file)
{
    if (ferror(file) | fclose(file)) {
        fprintf(stderr, "generate: cannot write: %s\n", strerror(errno));
        exit(1);
    }
}

static void write_overseas(FILE *out)
{
    unsigned callers = 0, calls = 0;
    for (unsigned i = 0; i < plan.accounts; i++) {
        const struct account *account = &accounts[i];
        if (account->calls)
            fprintf(out, "t%05u,%u,%u,%u\n", account->tenant, account->number, account->calls,
                    account->answered);
        callers += account->calls > 0;
        calls += account->calls;
    }
    printf("{\"tenants\":%u,\"accounts\":%u,\"calls\":%u,\"overseas_accounts\":%u,"
           "\"overseas_calls\":%u}\n",
           plan.tenants, plan.accounts, plan.calls, callers, calls);
}

static unsigned number_of(const char *text, const char *name, unsigned min, unsigned max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end || end == text || value < min || value > max) {
        fprintf(stderr, "generate: --%s: expected %u to %u\n", name, min, max);
        exit(2);
    }
    return (unsigned)value;
}

static void read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"out", 1, NULL, 'o'},   {"tenants", 1, NULL, 't'}, {"accounts", 1, NULL, 'a'},
        {"calls", 1, NULL, 'c'}, {"abroad", 1, NULL, 'x'},  {"bad", 1, NULL, 'b'},
        {"days", 1, NULL, 'd'},  {"seed", 1, NULL, 's'},    {"columns", 1, NULL, 'l'},
        {"until", 1, NULL, 'u'}, {0}};
    int64_t until_ms = clock_now_ms() / 86400000 * 86400000;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 'o': plan.out = optarg; break;
        case 't': plan.tenants = number_of(optarg, "tenants", 1, 99999); break;
        case 'a': plan.accounts = number_of(optarg, "accounts", 1, 50000000); break;
        case 'c': plan.calls = number_of(optarg, "calls", 0, 200000000); break;
        case 'x': plan.abroad = number_of(optarg, "abroad", 0, 100); break;
        case 'b': plan.bad = number_of(optarg, "bad", 0, 1000); break;
        case 'd': plan.days = number_of(optarg, "days", 1, 3660); break;
        case 's': plan.seed = number_of(optarg, "seed", 0, UINT32_MAX); break;
        case 'l': plan.columns = number_of(optarg, "columns", 16, 21); break;
        case 'u':
            if (!clock_parse(slice_of(optarg), &until_ms)) {
                fprintf(stderr, "generate: --until: expected 2026-12-01T00:00:00Z\n");
                exit(2);
            }
            break;
        default:
            fprintf(stderr, "usage: generate --out DIR [--tenants N] [--accounts N] [--calls N] "
                            "[--abroad PERCENT] [--bad PER-MILLE] [--days N] [--seed N] "
                            "[--columns 16|18|21] [--until RFC3339]\n");
            exit(2);
        }
    if (plan.accounts < plan.tenants)
        plan.accounts = plan.tenants;
    plan.until = until_ms / 1000;
    state = plan.seed;
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    mkdir(plan.out, 0777); /* when it cannot, create() says so */
    accounts = calloc(plan.accounts, sizeof *accounts);
    make_accounts();
    struct call *calls = make_calls();
    if (!accounts || !calls) {
        fprintf(stderr, "generate: out of memory\n");
        return 1;
    }
    FILE *tenants = create("tenants.ndjson"), *master = create("Master.csv");
    write_tenants(tenants);
    for (unsigned i = 0; i < plan.calls; i++)
        write_call(master, &calls[i], i + 1);
    FILE *overseas = create("overseas.csv");
    write_overseas(overseas);
    finish(tenants);
    finish(master);
    finish(overseas);
    free(calls);
    free(accounts);
    return 0;
}
