/*
 * Reads the environment that Asterisk sends to an AGI program or FastAGI server, as the bytes come in.
 *
 *     agi_network: yes
 *     agi_network_script: authorize?tenant=acme
 *     agi_request: agi://127.0.0.1/authorize?tenant=acme
 *     …
 *     agi_calleridname: whatever the caller says
 *     agi_extension: 0101212…
 *     agi_accountcode: 1001
 *     agi_arg_1: 0101212…
 *                                          ◄─ an empty line ends it
 *
 * Asterisk prints values as they are (res/res_agi.c, setup_env). A caller's name with a line break in
 * it would forge the lines that follow, and the forged `agi_accountcode` would stand before the real
 * one. So nothing is repaired here: a known key twice, a line that is no `agi_key: value`, a control
 * character, anything behind the empty line or over a limit refuses the whole session.
 *
 * Pure: no I/O, no clock, no allocation. The parser holds the bytes; what it gives out borrows them.
 */
#ifndef SEKISHO_DOORS_AGI_PARSE_H
#define SEKISHO_DOORS_AGI_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/call.h"

enum {
    AGI_LINES_MAX = 64,
    AGI_LINE_BYTES_MAX = 2048, /* without its line break */
    AGI_ENV_BYTES_MAX = 16384,
};

/* The keys whose values matter here; the others Asterisk is known to send follow in agi_parse.c. */
enum agi_key {
    AGI_SCRIPT,
    AGI_REQUEST,
    AGI_UNIQUEID,
    AGI_EXTENSION,
    AGI_ACCOUNTCODE,
    AGI_ARG_1,
    AGI_ARG_2,
    AGI_VALUE_COUNT
};

enum agi_progress { AGI_MORE, AGI_COMPLETE, AGI_REFUSED };

struct agi_env {
    enum agi_progress progress;
    const char *refusal; /* when AGI_REFUSED: why, for the log; static storage */
    unsigned lines;
    unsigned key_next;  /* where Asterisk's next key is expected in the table of keys */
    uint32_t seen;      /* a bit for each key of that table */
    uint64_t args_seen; /* a bit for each N of agi_arg_N */
    struct slice values[AGI_VALUE_COUNT];
    size_t n;       /* bytes received */
    size_t line_at; /* where the line begins that is not complete yet */
    char bytes[AGI_ENV_BYTES_MAX];
};

void agi_env_init(struct agi_env *env);

/* Where the next bytes are to be put, and how many fit: at least one while in AGI_MORE. */
char *agi_env_room(struct agi_env *env, size_t *ret_n);

/* `n` bytes were put there: reads on. Once it said AGI_COMPLETE or AGI_REFUSED it is not called again. */
enum agi_progress agi_env_feed(struct agi_env *env, size_t n);

/* The line at which reading stopped, from 1; for the log. */
static inline unsigned agi_env_line(const struct agi_env *env)
{
    return env->lines + 1;
}

/*
 * The question of a complete FastAGI session:
 *   tenant    ?tenant= of the script's address
 *   account   ?account=, else the second argument, else agi_accountcode; may be empty
 *   number    the first argument, else agi_extension; an empty one is for the engine to answer
 *   origin, min_revision, source_ip    of the address, each may be missing
 * `unknown` is what Asterisk prints for what a channel has not; it counts as empty. Arguments split at
 * commas, so an extension "03…,boss" would push the account aside: a third argument is refused.
 * Decodes the address in place: to be called once. On ERR_INVALID *ret is untouched.
 */
int agi_env_call(struct agi_env *env, struct call *ret, struct err *err) MUST_CHECK;

/*
 * The same for the AGI program, whose tenant, account and number (both may be empty) were given on
 * its command line; there the arguments in the environment are that command line once more.
 */
int agi_env_program_call(const struct agi_env *env, struct slice tenant, struct slice account,
                         struct slice number, struct call *ret, struct err *err) MUST_CHECK;

#endif
