#include "engine/attempt_ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { TENANT, ACCOUNT, NUMBER, RULE_ID, CALL_ID, SOURCE_IP, TEXTS };

/* Bytes kept of each text; what is longer is cut. */
static const uint8_t text_bytes_max[TEXTS] = {
    [TENANT] = TENANT_ID_BYTES - 1,
    [ACCOUNT] = ACCOUNT_ID_BYTES - 1,
    [NUMBER] = NUMBER_CHARS_MAX,
    [RULE_ID] = RULE_ID_BYTES - 1,
    [CALL_ID] = sizeof((struct attempt *)0)->call_id - 1,
    [SOURCE_IP] = sizeof((struct attempt *)0)->source_ip - 1,
};

struct attempt_slot {
    _Alignas(CACHE_LINE_BYTES) _Atomic uint64_t turn;
    int64_t at_ms;
    uint64_t revision;
    uint8_t is_counted, kind, action, reason, degraded, origin;
    uint8_t lens[TEXTS];
    char country[4];
    char decision_id[DECISION_ID_CHARS];
    char text[TENANT_ID_BYTES + ACCOUNT_ID_BYTES + NUMBER_CHARS_MAX + RULE_ID_BYTES + 64 + 48];
};

int attempt_ring_init(struct attempt_ring *ring)
{
    size_t bytes = RING_SLOTS * sizeof *ring->slots;
    ring->slots = aligned_alloc(CACHE_LINE_BYTES, bytes);
    if (!ring->slots)
        return ERR_NOMEM;
    memset(ring->slots, 0, bytes); /* the pages are had now, not on the first calls */
    for (uint64_t i = 0; i < RING_SLOTS; i++)
        atomic_init(&ring->slots[i].turn, i);
    atomic_init(&ring->head, 0);
    ring->tail = 0;
    return 0;
}

void attempt_ring_release(struct attempt_ring *ring)
{
    free(ring->slots);
    ring->slots = NULL;
}

/* --- in --------------------------------------------------------------------------------------- */

static bool is_domestic(const struct number *number)
{
    for (unsigned i = 0; i < number->readings_count; i++)
        switch (number->readings[i].kind) {
        case KIND_INVALID:
        case KIND_INTERNATIONAL:
        case KIND_UNKNOWN:
        case KIND_UNKNOWN00: return false;
        default: break;
        }
    return number->readings_count > 0;
}

static char *pack(struct attempt_slot *slot, int which, struct slice text, char *at)
{
    size_t n = text.n < text_bytes_max[which] ? text.n : text_bytes_max[which];
    slot->lens[which] = (uint8_t)n;
    if (n)
        memcpy(at, text.p, n);
    return at + n;
}

static void fill(struct attempt_slot *slot, const struct call *call, const struct verdict *verdict)
{
    const struct number *number = &verdict->number;
    const struct reading *reading = &number->readings[0];
    bool has_number = number->readings_count && reading->kind != KIND_INVALID;
    slot->at_ms = verdict->decided_at_ms;
    slot->is_counted = verdict->action == ACTION_ALLOW && is_domestic(number);
    char *at = pack(slot, TENANT, call->tenant, slot->text);
    at = pack(slot, ACCOUNT, call->account, at);
    if (slot->is_counted)
        return;
    slot->revision = verdict->revision;
    slot->kind = (uint8_t)(has_number ? reading->kind : KIND_INVALID);
    slot->action = (uint8_t)verdict->action;
    slot->reason = (uint8_t)verdict->reason;
    slot->degraded = (uint8_t)verdict->degraded;
    slot->origin = (uint8_t)call->origin;
    memcpy(slot->country, has_number ? reading->country : "\0\0\0", sizeof slot->country);
    memcpy(slot->decision_id, verdict->decision_id, sizeof slot->decision_id);
    at = pack(slot, NUMBER,
              has_number ? (struct slice){reading->number, reading->len} : call->number, at);
    at = pack(slot, RULE_ID, verdict->has_rule ? slice_of(verdict->rule.id) : SLICE_NONE, at);
    at = pack(slot, CALL_ID, call->call_id, at);
    pack(slot, SOURCE_IP, call->source_ip, at);
}

bool attempt_ring_push(struct attempt_ring *ring, const struct call *call,
                       const struct verdict *verdict)
{
    uint64_t pos = atomic_load_explicit(&ring->head, memory_order_relaxed);
    struct attempt_slot *slot;
    for (;;) {
        slot = &ring->slots[pos % RING_SLOTS];
        uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
        if (turn == pos) {
            if (atomic_compare_exchange_weak_explicit(&ring->head, &pos, pos + 1,
                                                      memory_order_relaxed, memory_order_relaxed))
                break;
        } else if ((int64_t)(turn - pos) < 0) {
            return false; /* still full from the round before */
        } else {
            pos = atomic_load_explicit(&ring->head, memory_order_relaxed);
        }
    }
    fill(slot, call, verdict);
    atomic_store_explicit(&slot->turn, pos + 1, memory_order_release);
    return true;
}

/* --- out -------------------------------------------------------------------------------------- */

/* Copies text as plain UTF-8: a byte that is none, or a control character, is "?". */
static void put(char *out, size_t size, struct slice text)
{
    size_t n = 0;
    for (size_t i = 0, len; i < text.n && n + 1 < size; i += len) {
        len = utf8_len(text.p + i, text.n - i);
        bool is_plain = len && utf8_is_plain_text(text.p + i, len);
        if (!is_plain) {
            len = len ? len : 1;
            out[n++] = '?';
        } else if (n + len < size) {
            memcpy(out + n, text.p + i, len);
            n += len;
        } else {
            break;
        }
    }
    out[n] = '\0';
}

#define PUT(field, text) put((field), sizeof(field), (text))
#define PUT_WORD(field, word) PUT(field, slice_of(word))

static struct slice unpack(const struct attempt_slot *slot, int which, const char **at)
{
    struct slice text = {*at, slot->lens[which]};
    *at += text.n;
    return text;
}

static void take(const struct attempt_slot *slot, struct attempt *ret)
{
    const char *at = slot->text;
    ret->at_ms = slot->at_ms;
    PUT(ret->tenant, unpack(slot, TENANT, &at));
    PUT(ret->account, unpack(slot, ACCOUNT, &at));
    if (slot->is_counted)
        return;
    ret->revision = slot->revision;
    PUT(ret->number, unpack(slot, NUMBER, &at));
    PUT(ret->rule_id, unpack(slot, RULE_ID, &at));
    PUT(ret->call_id, unpack(slot, CALL_ID, &at));
    PUT(ret->source_ip, unpack(slot, SOURCE_IP, &at));
    PUT(ret->decision_id, ((struct slice){slot->decision_id, sizeof slot->decision_id}));
    PUT(ret->country, ((struct slice){slot->country, strnlen(slot->country, 3)}));
    PUT_WORD(ret->kind, number_kind_word((enum number_kind)slot->kind));
    PUT_WORD(ret->action, action_word((enum action)slot->action));
    PUT_WORD(ret->reason, reason_word((enum reason)slot->reason));
    PUT_WORD(ret->degraded, degraded_word((enum degraded)slot->degraded));
    PUT_WORD(ret->origin, origin_word((enum origin)slot->origin));
}

bool attempt_ring_pop(struct attempt_ring *ring, struct attempt *ret, bool *ret_is_counted)
{
    struct attempt_slot *slot = &ring->slots[ring->tail % RING_SLOTS];
    if (atomic_load_explicit(&slot->turn, memory_order_acquire) != ring->tail + 1)
        return false;
    *ret_is_counted = slot->is_counted;
    take(slot, ret);
    atomic_store_explicit(&slot->turn, ring->tail + RING_SLOTS, memory_order_release);
    ring->tail++;
    return true;
}
