#include "auth/remembered.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum {
    WAYS = 8, /* their tags are one cache line */
    SETS = 512,
    /* an odd number of cache lines, so that slots do not all fall into one set of the CPU's cache */
    SLOT_BYTES = 65 * 64,
    SLOT_WORDS = (SLOT_BYTES - 16) / 8,
    TAGGED_BYTES = 32, /* of the token's end */
};

struct slot {
    _Atomic uint64_t sequence; /* 0: never used; odd: being written */
    _Atomic uint64_t sizes;    /* words of the token << 32 | words of the credential */
    _Atomic uint64_t words[SLOT_WORDS];
};
static_assert(sizeof(struct slot) == SLOT_BYTES, "a slot is whole cache lines");
static_assert(offsetof(struct credential, tenant_ids) % 8 == 0 && TENANT_IDS_BYTES % 8 == 0,
              "a credential is copied in words");

struct remembered { /* all zero is empty */
    _Atomic uint64_t tags[SETS][WAYS];
    struct slot slots[SETS][WAYS];
    unsigned char hash_key[crypto_shorthash_KEYBYTES];
    pthread_mutex_t lock; /* held to write tags and slots; guards the next two */
    int64_t expires_at_ms[SETS][WAYS];
    unsigned turn;
};

struct remembered *remembered_new(void)
{
    if (sodium_init() < 0)
        return NULL;
    /* not malloc: pages come zeroed when first touched, and go back without a trace */
    struct remembered *remembered = mmap(NULL, sizeof *remembered, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (remembered == MAP_FAILED)
        return NULL;
    madvise(remembered, sizeof *remembered, MADV_DONTDUMP); /* these are bearer tokens */
    randombytes_buf(remembered->hash_key, sizeof remembered->hash_key);
    pthread_mutex_init(&remembered->lock, NULL);
    return remembered;
}

void remembered_free(struct remembered *remembered)
{
    if (!remembered)
        return;
    pthread_mutex_destroy(&remembered->lock);
    munmap(remembered, sizeof *remembered);
}

static uint64_t tag_of(const struct remembered *remembered, struct slice token)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t tag;
    size_t n = token.n < TAGGED_BYTES ? token.n : TAGGED_BYTES;
    crypto_shorthash(hash, (const unsigned char *)token.p + token.n - n, n, remembered->hash_key);
    memcpy(&tag, hash, sizeof tag);
    return tag;
}

static size_t words_of(size_t bytes)
{
    return (bytes + 7) / 8;
}

/* The last word, filled up with zeros: no token has a NUL in it, so two of different length differ. */
static uint64_t last_word(const char *bytes, size_t n)
{
    uint64_t word = 0;
    memcpy(&word, bytes + n / 8 * 8, n % 8);
    return word;
}

static size_t credential_bytes(const struct credential *credential)
{
    return offsetof(struct credential, tenant_ids) + credential->tenant_ids_bytes;
}

/*
 * Each word is loaded with acquire: whoever sees one word of a new content also sees, at the end, the
 * odd or newer sequence number that was stored before it.
 */
static uint64_t load_word(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_acquire);
}

static bool words_equal(const _Atomic uint64_t *words, struct slice token)
{
    uint64_t differ = token.n % 8 ? load_word(words + token.n / 8) ^ last_word(token.p, token.n) : 0;
    for (size_t i = 0; i < token.n / 8; i++) {
        uint64_t wanted;
        memcpy(&wanted, token.p + i * 8, 8);
        differ |= load_word(words + i) ^ wanted;
    }
    return differ == 0;
}

static bool slot_read(const struct slot *slot, struct slice token, struct credential *ret)
{
    uint64_t sequence = load_word(&slot->sequence), sizes = load_word(&slot->sizes);
    size_t token_words = sizes >> 32, credential_words = sizes & UINT32_MAX;
    if (sequence % 2 || token_words != words_of(token.n) || !words_equal(slot->words, token))
        return false;
    for (size_t i = 0; i < credential_words; i++) {
        uint64_t word = load_word(slot->words + token_words + i);
        memcpy((char *)ret + i * 8, &word, 8);
    }
    return atomic_load_explicit(&slot->sequence, memory_order_relaxed) == sequence;
}

static void store_words(_Atomic uint64_t *words, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n / 8; i++) {
        uint64_t word;
        memcpy(&word, bytes + i * 8, 8);
        atomic_store_explicit(words + i, word, memory_order_release);
    }
    if (n % 8)
        atomic_store_explicit(words + n / 8, last_word(bytes, n), memory_order_release);
}

/* Under the lock. Each word is stored with release: never before the odd sequence number. */
static void slot_write(struct slot *slot, struct slice token, const struct credential *credential)
{
    size_t token_words = words_of(token.n), credential_n = credential_bytes(credential);
    uint64_t sequence = atomic_load_explicit(&slot->sequence, memory_order_relaxed);
    atomic_store_explicit(&slot->sequence, sequence + 1, memory_order_relaxed);
    atomic_store_explicit(&slot->sizes, (uint64_t)token_words << 32 | words_of(credential_n),
                          memory_order_release);
    store_words(slot->words, token.p, token.n);
    store_words(slot->words + token_words, (const char *)credential, credential_n);
    atomic_store_explicit(&slot->sequence, sequence + 2, memory_order_release);
}

bool remembered_find(const struct remembered *remembered, struct slice token,
                     struct credential *ret)
{
    if (token.n == 0)
        return false;
    uint64_t tag = tag_of(remembered, token);
    unsigned set = tag % SETS;
    for (unsigned way = 0; way < WAYS; way++)
        if (atomic_load_explicit(&remembered->tags[set][way], memory_order_relaxed) == tag &&
            slot_read(&remembered->slots[set][way], token, ret))
            return true;
    return false;
}

/* Under the lock: the way that has this tag (the same token, most likely), else an expired one (an
 * empty one counts as such), else the next in turn. */
static unsigned choose_way(struct remembered *remembered, unsigned set, uint64_t tag, int64_t now_ms)
{
    unsigned expired = WAYS;
    for (unsigned way = 0; way < WAYS; way++) {
        if (atomic_load_explicit(&remembered->tags[set][way], memory_order_relaxed) == tag)
            return way;
        if (expired == WAYS && remembered->expires_at_ms[set][way] <= now_ms)
            expired = way;
    }
    return expired < WAYS ? expired : remembered->turn++ % WAYS;
}

void remembered_add(struct remembered *remembered, struct slice token,
                    const struct credential *credential, int64_t now_ms)
{
    if (token.n == 0 ||
        words_of(token.n) + words_of(credential_bytes(credential)) > SLOT_WORDS ||
        pthread_mutex_trylock(&remembered->lock) != 0)
        return;
    uint64_t tag = tag_of(remembered, token);
    unsigned set = tag % SETS, way = choose_way(remembered, set, tag, now_ms);
    remembered->expires_at_ms[set][way] = credential->expires_at_ms;
    slot_write(&remembered->slots[set][way], token, credential);
    atomic_store_explicit(&remembered->tags[set][way], tag, memory_order_relaxed);
    pthread_mutex_unlock(&remembered->lock);
}
