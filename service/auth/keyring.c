#include "auth/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

const struct key *keyring_find(const struct keyring *keyring, struct slice kid)
{
    for (unsigned i = 0; i < keyring->count; i++)
        if (slice_equals_text(kid, keyring->keys[i].kid))
            return &keyring->keys[i];
    return NULL;
}

const struct key *keyring_signer(const struct keyring *keyring)
{
    const struct key *signer = NULL;
    for (unsigned i = 0; i < keyring->count; i++) {
        const struct key *key = &keyring->keys[i];
        if (key->algorithm == KEY_HS256 && (!signer || strverscmp(key->kid, signer->kid) > 0))
            signer = key;
    }
    return signer;
}

static void derive(const struct key *key, const char *purpose,
                   unsigned char out[KEYRING_DERIVED_BYTES])
{
    crypto_generichash(out, KEYRING_DERIVED_BYTES, (const unsigned char *)purpose, strlen(purpose),
                       key->bytes, key->n);
}

void keyring_derive(const struct keyring *keyring, const char *purpose,
                    unsigned char out[KEYRING_DERIVED_BYTES])
{
    const struct key *signer = keyring_signer(keyring);
    if (signer)
        derive(signer, purpose, out);
    else
        randombytes_buf(out, KEYRING_DERIVED_BYTES);
}

unsigned keyring_derive_all(const struct keyring *keyring, const char *purpose,
                            unsigned char (*out)[KEYRING_DERIVED_BYTES], unsigned max)
{
    const struct key *signer = keyring_signer(keyring);
    unsigned count = 0;
    if (signer && max)
        derive(signer, purpose, out[count++]);
    for (unsigned i = 0; i < keyring->count && count < max; i++)
        if (keyring->keys[i].algorithm == KEY_HS256 && &keyring->keys[i] != signer)
            derive(&keyring->keys[i], purpose, out[count++]);
    return count;
}

void keyring_free(struct keyring *keyring)
{
    if (!keyring)
        return;
    for (unsigned i = 0; i < keyring->count; i++)
        key_release(&keyring->keys[i]);
    free(keyring);
}

const char *keyring_fingerprint(const struct keyring *keyring)
{
    return keyring->fingerprint;
}

static int compare_kids(const void *a, const void *b)
{
    return strcmp(((const struct key *)a)->kid, ((const struct key *)b)->kid);
}

static void make_fingerprint(struct keyring *keyring)
{
    crypto_generichash_state state;
    unsigned char hash[(FINGERPRINT_BYTES - 1) / 2];
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    for (unsigned i = 0; i < keyring->count; i++) {
        const struct key *key = &keyring->keys[i];
        unsigned char head[2] = {(unsigned char)strlen(key->kid), (unsigned char)key->algorithm};
        uint64_t n = key->n;
        crypto_generichash_update(&state, head, sizeof head);
        crypto_generichash_update(&state, (const unsigned char *)key->kid, head[0]);
        crypto_generichash_update(&state, (const unsigned char *)&n, sizeof n);
        crypto_generichash_update(&state, key->bytes, key->n);
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    sodium_bin2hex(keyring->fingerprint, FINGERPRINT_BYTES, hash, sizeof hash);
}

/* Who owns it can change it and its mode; root may read what is the daemon's. */
static const char *owner_fault(const struct stat *st)
{
    bool is_fine = st->st_uid == geteuid() || st->st_uid == 0 || geteuid() == 0;
    if (!is_fine)
        return "it belongs to another user";
    return st->st_mode & (S_IWGRP | S_IWOTH) ? "others can write it" : NULL;
}

static int check_key_file(int fd, enum key_algorithm algorithm, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set(err, ERR_IO, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "not a regular file");
    const char *fault = owner_fault(&st);
    if (fault)
        return err_set(err, ERR_INVALID, "%s; want mode 0400", fault);
    if (algorithm == KEY_HS256 && (st.st_mode & (S_IRWXG | S_IRWXO)))
        return err_set(err, ERR_INVALID, "others can read it; want mode 0400");
    if (st.st_size > KEY_FILE_BYTES_MAX)
        return err_set(err, ERR_INVALID, "larger than %d bytes", KEY_FILE_BYTES_MAX);
    return 0;
}

static int read_all(int fd, char *bytes, size_t cap, size_t *ret)
{
    for (*ret = 0; *ret < cap;) {
        ssize_t n = read(fd, bytes + *ret, cap - *ret);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            break;
        *ret += (size_t)n;
    }
    return 0;
}

static int read_key_file(int dir_fd, const char *name, struct key *key, struct err *err)
{
    int rc = key_of_name(slice_of(name), key, err);
    if (rc)
        return rc;
    /* a FIFO must not hang us, a symbolic link not lead out of the directory that we checked */
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ELOOP)
        return err_set(err, ERR_INVALID, "a symbolic link; put the file itself here");
    if (fd < 0)
        return err_set(err, ERR_IO, "%s", strerror(errno));
    char content[KEY_FILE_BYTES_MAX];
    size_t n = 0;
    if ((rc = check_key_file(fd, key->algorithm, err)) == 0) {
        rc = read_all(fd, content, sizeof content, &n);
        rc = rc ? err_set(err, rc, "%s", strerror(errno))
                : key_read(key, (struct slice){content, n}, err);
    }
    sodium_memzero(content, n);
    close(fd);
    return rc;
}

/* Hidden files are of editors and half-made keys, issued.ndjson is the record of issued tokens, a
 * directory is lost+found. Anything else must be a key: a typing error in a name is not to pass. */
static bool is_no_key_file(const struct dirent *entry)
{
    return entry->d_name[0] == '.' || entry->d_type == DT_DIR ||
           slice_starts_with(slice_of(entry->d_name), SLICE_LIT("issued.ndjson"));
}

static int read_directory(DIR *dir, struct keyring *keyring, struct err *err)
{
    const struct dirent *entry;
    rewinddir(dir);
    while ((errno = 0, entry = readdir(dir))) {
        if (is_no_key_file(entry))
            continue;
        if (keyring->count == KEYS_MAX)
            return err_set(err, ERR_LIMIT, "more than %d keys", KEYS_MAX);
        struct key *key = &keyring->keys[keyring->count];
        if (read_key_file(dirfd(dir), entry->d_name, key, err))
            return err_context(err, "%s", entry->d_name);
        bool is_known = keyring_find(keyring, slice_of(key->kid)) != NULL;
        keyring->count++; /* from here on keyring_free() sees it */
        if (is_known)
            return err_set(err, ERR_INVALID, "%s: another file has this key id", entry->d_name);
    }
    return errno ? err_set(err, ERR_IO, "%s", strerror(errno)) : 0;
}

static int open_directory(const char *path, bool may_make, DIR **ret, struct err *err)
{
    struct stat st;
    if (may_make && mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_set(err, ERR_IO, "cannot make it: %s", strerror(errno));
    DIR *dir = opendir(path);
    if (!dir)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s", strerror(errno));
    int rc = 0;
    const char *fault = NULL;
    if (fstat(dirfd(dir), &st) != 0)
        rc = err_set(err, ERR_IO, "%s", strerror(errno));
    else if ((fault = owner_fault(&st)))
        rc = err_set(err, ERR_INVALID, "%s; want mode 0700", fault);
    if (rc)
        closedir(dir);
    else
        *ret = dir;
    return rc;
}

static int load(DIR *dir, bool make_first_key, struct keyring *keyring, struct err *err)
{
    int rc = read_directory(dir, keyring, err);
    if (rc == 0 && keyring->count == 0 && make_first_key &&
        (rc = keyring_make_first(dirfd(dir), err)) == 0)
        rc = read_directory(dir, keyring, err);
    if (rc == 0 && keyring->count == 0)
        rc = err_set(err, ERR_NOT_FOUND, "no key; sekishod makes one when it first starts");
    return rc;
}

int keyring_load(const char *path, bool make_first_key, struct keyring **ret, struct err *err)
{
    DIR *dir = NULL;
    struct keyring *keyring = calloc(1, sizeof *keyring);
    int rc;
    if (!keyring || sodium_init() < 0) {
        rc = err_set(err, ERR_NOMEM, "out of memory");
        goto out;
    }
    if ((rc = open_directory(path, make_first_key, &dir, err)) ||
        (rc = load(dir, make_first_key, keyring, err))) {
        err_context(err, "keys in %s", path);
        goto out;
    }
    qsort(keyring->keys, keyring->count, sizeof *keyring->keys, compare_kids);
    make_fingerprint(keyring);
    *ret = keyring;
    keyring = NULL;
out:
    if (dir)
        closedir(dir);
    keyring_free(keyring);
    return rc;
}
