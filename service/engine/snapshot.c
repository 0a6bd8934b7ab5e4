#include "engine/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/rulesets.h"

struct head {
    char magic[8];
    uint32_t layout, count;
    int64_t known_at_ms;
    unsigned char mac[ENVELOPE_MAC_BYTES]; /* of the fields before it */
};

static const char MAGIC[8] = "SKSNAP1";

static void sign(struct head *head, const unsigned char *key)
{
    crypto_generichash(head->mac, sizeof head->mac, (const unsigned char *)head,
                       offsetof(struct head, mac), key, ENVELOPE_KEY_BYTES);
}

/* --- writing --------------------------------------------------------------------------------------- */

/* Records of one step of the walk; they leave for the file between two steps. */
struct writer {
    const unsigned char *key;
    int64_t known_at_ms;
    unsigned char *bytes;
    size_t n, cap;
    uint32_t count;
    bool is_out_of_memory;
};

static void add_record(void *context, const struct ruleset *ruleset)
{
    struct writer *writer = context;
    uint32_t n = (uint32_t)envelope_bytes(ruleset);
    if (writer->n + sizeof n + n > writer->cap) {
        size_t cap = 2 * (writer->n + sizeof n + n);
        unsigned char *more = realloc(writer->bytes, cap);
        if (!more) {
            writer->is_out_of_memory = true;
            return;
        }
        writer->bytes = more;
        writer->cap = cap;
    }
    memcpy(writer->bytes + writer->n, &n, sizeof n);
    envelope_seal(ruleset, writer->key, (struct envelope_mark){writer->known_at_ms, 0},
                  writer->bytes + writer->n + sizeof n);
    writer->n += sizeof n + n;
    writer->count++;
}

static int flush(struct writer *writer, FILE *file, struct err *err)
{
    if (writer->is_out_of_memory)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (fwrite(writer->bytes, 1, writer->n, file) != writer->n)
        return err_set(err, ERR_IO, "%s", strerror(errno));
    writer->n = 0;
    return 0;
}

static int write_records(const struct rulesets *rulesets, struct writer *writer, FILE *file,
                         struct err *err)
{
    struct rulesets_walk walk = {0};
    rulesets_enter();
    add_record(writer, rulesets_platform(rulesets));
    rulesets_leave();
    int rc = 0;
    for (bool is_more = true; is_more && !rc;) {
        is_more = rulesets_step(rulesets, &walk, add_record, writer);
        rc = flush(writer, file, err);
    }
    return rc;
}

static int write_file(const struct rulesets *rulesets, FILE *file, struct writer *writer, struct err *err)
{
    struct head head = {.layout = RULESET_LAYOUT, .known_at_ms = writer->known_at_ms};
    memcpy(head.magic, MAGIC, sizeof MAGIC);
    if (fwrite(&head, sizeof head, 1, file) != 1)
        return err_set(err, ERR_IO, "%s", strerror(errno));
    int rc = write_records(rulesets, writer, file, err);
    if (rc)
        return rc;
    head.count = writer->count; /* known only now */
    sign(&head, writer->key);
    if (fseek(file, 0, SEEK_SET) || fwrite(&head, sizeof head, 1, file) != 1 || fflush(file) ||
        fsync(fileno(file)))
        return err_set(err, ERR_IO, "%s", strerror(errno));
    return 0;
}

int snapshot_write(const struct rulesets *rulesets, const char *path,
                   const unsigned char key[ENVELOPE_KEY_BYTES], int64_t known_at_ms, struct err *err)
{
    char beside[4096];
    struct writer writer = {.key = key, .known_at_ms = known_at_ms};
    snprintf(beside, sizeof beside, "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file)
        return err_set(err, ERR_IO, "%s: %s", beside, strerror(errno));
    int rc = write_file(rulesets, file, &writer, err);
    if (fclose(file) && !rc)
        rc = err_set(err, ERR_IO, "%s", strerror(errno));
    if (!rc && rename(beside, path))
        rc = err_set(err, ERR_IO, "%s", strerror(errno));
    if (rc)
        unlink(beside);
    free(writer.bytes);
    return rc ? err_context(err, "%s", path) : 0;
}

/* --- reading ----------------------------------------------------------------------------------------- */

static int check_head(struct slice file, const unsigned char *key, int64_t oldest_ms, struct head *ret,
                      struct err *err)
{
    unsigned char mac[ENVELOPE_MAC_BYTES];
    if (file.n < sizeof *ret)
        return err_set(err, ERR_INVALID, "cut short");
    memcpy(ret, file.p, sizeof *ret);
    memcpy(mac, ret->mac, sizeof mac);
    sign(ret, key);
    if (memcmp(ret->magic, MAGIC, sizeof MAGIC) != 0 || sodium_memcmp(mac, ret->mac, sizeof mac) != 0)
        return err_set(err, ERR_INVALID, "damaged, unfinished, or of other keys");
    if (ret->layout != RULESET_LAYOUT)
        return err_set(err, ERR_VERSION, "of another version of the program");
    if (ret->known_at_ms < oldest_ms)
        return err_set(err, ERR_INVALID, "older than --stale-max allows");
    return 0;
}

static int next_record(struct slice *rest, const unsigned char *key, struct ruleset **ret, struct err *err)
{
    uint32_t n;
    struct envelope_mark mark;
    if (rest->n < sizeof n)
        return err_set(err, ERR_INVALID, "cut short");
    memcpy(&n, rest->p, sizeof n);
    if (rest->n - sizeof n < n)
        return err_set(err, ERR_INVALID, "cut short");
    struct slice sealed = {rest->p + sizeof n, n};
    *rest = (struct slice){sealed.p + n, rest->n - sizeof n - n};
    return envelope_open(sealed, key, NULL, &mark, ret, err);
}

/* Everything is opened before anything is used. */
static int read_records(struct slice rest, const unsigned char *key, struct ruleset **all, uint32_t count,
                        uint32_t *ret_read, struct err *err)
{
    int rc = 0;
    while (!rc && *ret_read < count) {
        rc = next_record(&rest, key, &all[*ret_read], err);
        *ret_read += rc == 0;
    }
    if (!rc && rest.n)
        rc = err_set(err, ERR_INVALID, "longer than it says");
    return rc;
}

static int load(struct rulesets *rulesets, struct slice file, const unsigned char *key, int64_t oldest_ms,
                int64_t *ret_known_at_ms, struct err *err)
{
    struct head head;
    uint32_t read = 0, used = 0;
    int rc = check_head(file, key, oldest_ms, &head, err);
    if (rc)
        return rc;
    struct ruleset **all = calloc((size_t)head.count + 1, sizeof *all);
    if (!all)
        return err_set(err, ERR_NOMEM, "out of memory");
    rc = read_records((struct slice){file.p + sizeof head, file.n - sizeof head}, key, all, head.count,
                      &read, err);
    while (!rc && used < read)
        rc = rulesets_publish(rulesets, all[used++], err);
    while (used < read)
        ruleset_free(all[used++]);
    free(all);
    if (!rc)
        *ret_known_at_ms = head.known_at_ms;
    return rc;
}

int snapshot_load(struct rulesets *rulesets, const char *path, const unsigned char key[ENVELOPE_KEY_BYTES],
                  int64_t oldest_ms, int64_t *ret_known_at_ms, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path, strerror(errno));
    void *bytes = fstat(fd, &st) || st.st_size == 0
                      ? MAP_FAILED
                      : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return err_set(err, ERR_INVALID, "%s: empty, or cannot be read", path);
    int rc = load(rulesets, (struct slice){bytes, (size_t)st.st_size}, key, oldest_ms, ret_known_at_ms, err);
    munmap(bytes, (size_t)st.st_size);
    return rc ? err_context(err, "%s", path) : 0;
}
