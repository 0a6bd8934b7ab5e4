/*
 * Reads the CSV files of schema/numbering/. One row function a file; a file is refused whole when one
 * of its lines is not understood, with file and line in the error.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/csv.h"
#include "base/hash.h"
#include "core/numbering_data.h"

enum { ROWS_MAX = 20000, FILE_BYTES_MAX = 4 << 20 };

static const char *const file_names[NUMBERING_FILES] = {
    "about.csv",    "countries.csv", "nanp.csv",  "kinds.csv",
    "prefixes.csv", "services.csv",  "groups.csv"};

const char *numbering_file_name(enum numbering_file file)
{
    return file_names[file];
}

static int bad(struct err *err, const char *what)
{
    return err_set(err, ERR_INVALID, "%s", what);
}

static bool read_uint8(struct slice text, uint8_t *ret)
{
    unsigned value = 0;
    if (text.n == 0 || text.n > 3)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.p[i] - '0');
    }
    *ret = (uint8_t)value;
    return value <= 255;
}

static bool read_yes_no(struct slice text, const char *yes, const char *no, bool *ret)
{
    *ret = slice_equals_text(text, yes);
    return *ret || slice_equals_text(text, no);
}

static bool copy_text(struct slice text, char *out, size_t out_bytes)
{
    if (text.n >= out_bytes)
        return false;
    memcpy(out, text.n ? text.p : "", text.n);
    out[text.n] = '\0';
    return true;
}

/* Room for one more row in an array that doubles; NULL when there is no memory. */
static void *more_rows(void **rows, unsigned count, size_t bytes)
{
    if ((count & (count - 1)) == 0) {
        void *more = realloc(*rows, (count ? 2 * count : 1) * bytes);
        if (!more)
            return NULL;
        *rows = more;
    }
    char *row = (char *)*rows + count * bytes;
    memset(row, 0, bytes);
    return row;
}

static bool add_text(struct numbering *n, struct slice text, uint32_t *ret)
{
    char *more = realloc(n->texts, n->texts_bytes + text.n + 1);
    if (!more)
        return false;
    n->texts = more;
    *ret = (uint32_t)n->texts_bytes;
    memcpy(more + n->texts_bytes, text.n ? text.p : "", text.n);
    n->texts_bytes += text.n + 1;
    more[n->texts_bytes - 1] = '\0';
    return true;
}

static int put_once(struct trie *trie, struct slice prefix, unsigned row, struct err *err)
{
    uint16_t old;
    int rc = row > ROWS_MAX ? ERR_LIMIT : trie_put(trie, prefix, (uint16_t)row, &old);
    if (rc)
        return err_set(err, rc, "'%.*s' is no prefix, or there are too many", SLICE_ARG(prefix));
    return old ? bad(err, "the same prefix twice") : 0;
}

static int read_about(struct numbering *n, const struct slice f[], struct err *err)
{
    bool fits = true;
    if (slice_equals_text(f[0], "version"))
        fits = copy_text(f[1], n->version, sizeof n->version);
    else if (slice_equals_text(f[0], "date"))
        fits = copy_text(f[1], n->date, sizeof n->date);
    return fits ? 0 : bad(err, "value too long");
}

static int add_country(struct numbering *n, struct slice code, struct slice country, uint8_t min,
                       uint8_t max, const struct slice names[2], struct err *err)
{
    struct country_row *row =
        more_rows((void **)&n->country_rows, n->countries_count, sizeof *row);
    if (!row || !add_text(n, names[0], &row->name_en) || !add_text(n, names[1], &row->name_ja))
        return err_set(err, ERR_NOMEM, "out of memory");
    bool shaped = country.n == 0 || country.n == 2 || slice_equals_text(country, "001");
    if (!shaped || !copy_text(country, row->country, sizeof row->country))
        return bad(err, "country is not two letters, 001 or empty");
    row->min_digits = min;
    row->max_digits = max;
    return put_once(&n->countries, code, ++n->countries_count, err);
}

static int read_country(struct numbering *n, const struct slice f[], struct err *err)
{
    uint8_t min, max;
    if (!read_uint8(f[2], &min) || !read_uint8(f[3], &max) || min > max)
        return bad(err, "min_digits and max_digits do not fit");
    return add_country(n, f[0], f[1], min, max, &f[4], err);
}

static int read_nanp(struct numbering *n, const struct slice f[], struct err *err)
{
    enum { NANP_DIGITS = 11 }; /* 1 + area code + 7, ITU-T E.164 and the North American plan */
    char code[4] = "1";
    if (f[0].n != 3)
        return bad(err, "an area code has three digits");
    memcpy(code + 1, f[0].p, 3);
    return add_country(n, (struct slice){code, sizeof code}, f[1], NANP_DIGITS, NANP_DIGITS, &f[3],
                       err);
}

static int read_kind(struct numbering *n, const struct slice f[], struct err *err)
{
    struct kind_row *row = more_rows((void **)&n->kind_rows, n->kinds_count, sizeof *row);
    if (!row)
        return err_set(err, ERR_NOMEM, "out of memory");
    row->kind = number_kind_of(f[3]);
    if (row->kind == KIND_INVALID)
        return bad(err, "unknown kind");
    if (slice_starts_with(f[0], SLICE_LIT("010")))
        return bad(err, "010 is the international prefix, not a kind");
    if (!read_uint8(f[1], &row->min_digits) || !read_uint8(f[2], &row->max_digits) ||
        row->min_digits > row->max_digits)
        return bad(err, "min_digits and max_digits do not fit");
    if (!read_yes_no(f[4], "allow", "deny", &row->floor_allows))
        return bad(err, "floor is allow or deny");
    return put_once(&n->kinds, f[0], ++n->kinds_count, err);
}

static int read_prefix(struct numbering *n, const struct slice f[], struct err *err)
{
    static const char *const words[] = {"any", "zero", "number", "international"};
    struct dial_prefix *row = more_rows((void **)&n->prefix_rows, n->prefixes_count, sizeof *row);
    if (!row)
        return err_set(err, ERR_NOMEM, "out of memory");
    unsigned before = 0;
    while (before < 4 && !slice_equals_text(f[1], words[before]))
        before++;
    if (before == 4)
        return bad(err, "before is any, zero, number or international");
    row->before = (enum prefix_before)before;
    if (!copy_text(f[0], row->prefix, sizeof((struct trace_step *)0)->taken))
        return bad(err, "prefix too long");
    row->len = (uint8_t)f[0].n;
    if (!read_yes_no(f[2], "yes", "no", &row->is_bare) ||
        !read_yes_no(f[3], "yes", "no", &row->is_kept))
        return bad(err, "bare and keep are yes or no");
    return put_once(&n->prefixes, f[0], ++n->prefixes_count, err);
}

static int read_service(struct numbering *n, const struct slice f[], struct err *err)
{
    if (f[0].n < 3 || f[0].n >= sizeof((struct reading *)0)->service || f[0].p[0] != '*' ||
        f[0].p[f[0].n - 1] != '*')
        return bad(err, "a service code looks like *21*");
    return put_once(&n->services, f[0], ++n->services_count, err);
}

static int read_group(struct numbering *n, const struct slice f[], struct err *err)
{
    struct group_row *row = more_rows((void **)&n->group_rows, n->groups_count, sizeof *row);
    struct target target;
    char text[RULE_TARGET_BYTES];
    if (!row)
        return err_set(err, ERR_NOMEM, "out of memory");
    int written = snprintf(text, sizeof text, "group:%.*s", SLICE_ARG(f[0]));
    if (written < 0 || (size_t)written >= sizeof text || target_parse(slice_of(text), &target, err))
        return bad(err, "a group is 1 to 32 characters of a-z, 0-9 and -");
    row->key = group_key(f[0]);
    int rc = n->groups_count >= ROWS_MAX
                 ? ERR_LIMIT
                 : trie_put(&n->groups, f[1], (uint16_t)++n->groups_count, &row->next);
    return rc ? err_set(err, rc, "'%.*s' is no prefix", SLICE_ARG(f[1])) : 0;
}

static const struct file_shape {
    const char *header; /* the columns that are read; more may follow */
    unsigned columns;
    int (*read_row)(struct numbering *, const struct slice[], struct err *);
} shapes[NUMBERING_FILES] = {
    {"key,value", 2, read_about},
    {"code,country,min_digits,max_digits,name_en,name_ja", 6, read_country},
    {"area,country,use,name_en,name_ja", 5, read_nanp},
    {"prefix,min_digits,max_digits,kind,floor", 5, read_kind},
    {"prefix,before,bare,keep", 4, read_prefix},
    {"code", 1, read_service},
    {"group,prefix", 2, read_group},
};

static bool header_fits(const struct file_shape *shape, const struct csv *csv)
{
    struct csv wanted;
    csv_init(&wanted, slice_of(shape->header));
    if (csv_next(&wanted, NULL) != 1 || csv->count < wanted.count)
        return false;
    for (unsigned i = 0; i < wanted.count; i++)
        if (!slice_equals(wanted.fields[i], csv->fields[i]))
            return false;
    return true;
}

static int read_file(struct numbering *n, const struct file_shape *shape, struct slice text,
                     struct err *err)
{
    struct csv csv;
    csv_init(&csv, text);
    int rc = csv_next(&csv, err);
    if (rc == 1 && !header_fits(shape, &csv))
        return err_set(err, ERR_INVALID, "the first line must be %s", shape->header);
    while (rc == 1 && (rc = csv_next(&csv, err)) == 1) {
        int row_rc = csv.count < shape->columns ? bad(err, "too few columns")
                                                : shape->read_row(n, csv.fields, err);
        if (row_rc) {
            err_context(err, "line %u", csv.line);
            return row_rc;
        }
    }
    if (rc < 0)
        err_context(err, "line %u", csv.line);
    return rc;
}

/* Of the bytes as they are: a comment more is another content, too. */
static void fingerprint(struct numbering *n, const struct slice files[NUMBERING_FILES])
{
    uint64_t hash = 0;
    for (int i = 0; i < NUMBERING_FILES; i++)
        hash = hash_mix(hash ^ hash_slice(files[i]));
    snprintf(n->fingerprint, sizeof n->fingerprint, "%016llx", (unsigned long long)hash);
}

int numbering_parse(const struct slice files[NUMBERING_FILES], struct numbering **ret,
                    struct err *err)
{
    struct numbering *n = calloc(1, sizeof *n);
    if (!n || trie_init(&n->countries) || trie_init(&n->kinds) || trie_init(&n->prefixes) ||
        trie_init(&n->services) || trie_init(&n->groups)) {
        numbering_free(n);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    int rc = 0;
    for (int i = 0; i < NUMBERING_FILES && !rc; i++) {
        rc = read_file(n, &shapes[i], files[i], err);
        if (rc)
            err_context(err, "%s", file_names[i]);
    }
    if (!rc && (!n->version[0] || !n->countries_count || !n->kinds_count))
        rc = err_set(err, ERR_INVALID, "numbering data without version, countries or kinds");
    fingerprint(n, files);
    if (rc)
        numbering_free(n);
    else
        *ret = n;
    return rc;
}

void numbering_free(struct numbering *n)
{
    if (!n)
        return;
    trie_release(&n->countries);
    trie_release(&n->kinds);
    trie_release(&n->prefixes);
    trie_release(&n->services);
    trie_release(&n->groups);
    free(n->country_rows);
    free(n->kind_rows);
    free(n->prefix_rows);
    free(n->group_rows);
    free(n->texts);
    free(n);
}

static int read_whole(const char *dir, const char *name, char **ret, size_t *ret_n, struct err *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    char *bytes = malloc(FILE_BYTES_MAX + 1);
    size_t n = bytes ? fread(bytes, 1, FILE_BYTES_MAX + 1, file) : 0;
    bool failed = !bytes || ferror(file);
    fclose(file);
    if (failed || n > FILE_BYTES_MAX) {
        free(bytes);
        return err_set(err, ERR_IO, "%s: cannot be read, or over %d bytes", path, FILE_BYTES_MAX);
    }
    *ret = bytes;
    *ret_n = n;
    return 0;
}

int numbering_load(const char *dir, struct numbering **ret, struct err *err)
{
    struct slice files[NUMBERING_FILES] = {{NULL, 0}};
    char *bytes[NUMBERING_FILES] = {NULL};
    int rc = 0;
    for (int i = 0; i < NUMBERING_FILES && !rc; i++) {
        rc = read_whole(dir, file_names[i], &bytes[i], &files[i].n, err);
        files[i].p = bytes[i];
    }
    if (!rc)
        rc = numbering_parse(files, ret, err);
    for (int i = 0; i < NUMBERING_FILES; i++)
        free(bytes[i]);
    return rc;
}
