#include "wire/list_words.h"

#include "base/utf8.h"

enum { WORD_BYTES = 64 };

/* --- folding ---------------------------------------------------------------------------------- */

struct slice list_trim(struct slice text)
{
    const struct slice wide = SLICE_LIT("\xe3\x80\x80");
    for (;;) {
        if (text.n && memchr(" \t\r\n", text.p[0], 4))
            text = (struct slice){text.p + 1, text.n - 1};
        else if (text.n && memchr(" \t\r\n", text.p[text.n - 1], 4))
            text.n--;
        else if (slice_starts_with(text, wide))
            text = (struct slice){text.p + 3, text.n - 3};
        else if (text.n >= 3 && memcmp(text.p + text.n - 3, wide.p, 3) == 0)
            text.n -= 3;
        else
            return text;
    }
}

/* Half width, lower case, no blanks; empty when it is longer than any word, or no UTF-8. */
static struct slice fold(struct slice text, char word[WORD_BYTES])
{
    size_t n = 0;
    for (size_t i = 0, len; i < text.n; i += len) {
        if ((len = utf8_len(text.p + i, text.n - i)) == 0 || n + len > WORD_BYTES)
            return SLICE_NONE;
        uint32_t point = utf8_point(text.p + i, len);
        if (point >= 0xff01 && point <= 0xff5e)
            point = point - 0xff01 + '!';
        if (point == ' ' || point == '\t' || point == '\r' || point == '\n' || point == 0x3000)
            continue;
        if (point >= 'A' && point <= 'Z')
            point += 'a' - 'A';
        if (point < 0x80)
            word[n++] = (char)point;
        else
            memcpy(word + n, text.p + i, len), n += len;
    }
    return (struct slice){word, n};
}

struct word {
    const char *text;
    int value;
};

/* The value of a word in a table that ends with NULL; `none` when it is not there. */
static int find(const struct word *table, struct slice text, int none)
{
    char buffer[WORD_BYTES];
    struct slice word = fold(text, buffer);
    for (; table->text; table++)
        if (slice_equals_text(word, table->text))
            return table->value;
    return none;
}

/* --- columns ---------------------------------------------------------------------------------- */

static const char *const column_words[] = {
    "",      "target",    "action", "allow",     "deny",       "match",
    "divert_to", "note",  "starts_at", "expires_at", "account",
    "source"};

/* clang-format off */
static const struct word titles[] = {
    {"target", COLUMN_TARGET}, {"prefix", COLUMN_TARGET}, {"number", COLUMN_TARGET},
    {"番号", COLUMN_TARGET}, {"電話番号", COLUMN_TARGET}, {"規制番号", COLUMN_TARGET},
    {"規制電話番号", COLUMN_TARGET}, {"先頭番号", COLUMN_TARGET}, {"発信先", COLUMN_TARGET},
    {"発信先番号", COLUMN_TARGET}, {"相手先番号", COLUMN_TARGET}, {"プレフィックス", COLUMN_TARGET},
    {"プレフィクス", COLUMN_TARGET},
    {"action", COLUMN_ACTION}, {"verdict", COLUMN_ACTION}, {"allow/deny", COLUMN_ACTION},
    {"可否", COLUMN_ACTION}, {"発信可否", COLUMN_ACTION}, {"通話可否", COLUMN_ACTION},
    {"許可/拒否", COLUMN_ACTION}, {"○/×", COLUMN_ACTION}, {"○×", COLUMN_ACTION},
    {"動作", COLUMN_ACTION},
    {"allow", COLUMN_ALLOW}, {"allowed", COLUMN_ALLOW}, {"permit", COLUMN_ALLOW},
    {"許可", COLUMN_ALLOW}, {"発信許可", COLUMN_ALLOW}, {"可", COLUMN_ALLOW}, {"発信可", COLUMN_ALLOW},
    {"deny", COLUMN_DENY}, {"denied", COLUMN_DENY}, {"block", COLUMN_DENY}, {"拒否", COLUMN_DENY},
    {"発信拒否", COLUMN_DENY}, {"規制", COLUMN_DENY}, {"発信規制", COLUMN_DENY},
    {"禁止", COLUMN_DENY}, {"不可", COLUMN_DENY}, {"発信不可", COLUMN_DENY},
    {"match", COLUMN_MATCH}, {"一致", COLUMN_MATCH}, {"一致方法", COLUMN_MATCH},
    {"divert_to", COLUMN_DIVERT_TO}, {"転送先", COLUMN_DIVERT_TO},
    {"note", COLUMN_NOTE}, {"notes", COLUMN_NOTE}, {"comment", COLUMN_NOTE}, {"備考", COLUMN_NOTE},
    {"メモ", COLUMN_NOTE}, {"コメント", COLUMN_NOTE}, {"説明", COLUMN_NOTE},
    {"starts_at", COLUMN_STARTS_AT}, {"開始", COLUMN_STARTS_AT}, {"開始日時", COLUMN_STARTS_AT},
    {"expires_at", COLUMN_EXPIRES_AT}, {"期限", COLUMN_EXPIRES_AT}, {"有効期限", COLUMN_EXPIRES_AT},
    {"終了", COLUMN_EXPIRES_AT}, {"終了日時", COLUMN_EXPIRES_AT},
    {"account", COLUMN_ACCOUNT}, {"extension", COLUMN_ACCOUNT}, {"tenant", COLUMN_ACCOUNT},
    {"アカウント", COLUMN_ACCOUNT}, {"内線", COLUMN_ACCOUNT}, {"内線番号", COLUMN_ACCOUNT},
    {"テナント", COLUMN_ACCOUNT},
    {"source", COLUMN_SHOWN}, {"id", COLUMN_SHOWN},
    {0}};

static const struct word actions[] = {
    {"allow", ACTION_ALLOW}, {"permit", ACTION_ALLOW}, {"ok", ACTION_ALLOW},
    {"○", ACTION_ALLOW}, {"◯", ACTION_ALLOW}, {"〇", ACTION_ALLOW}, {"o", ACTION_ALLOW},
    {"可", ACTION_ALLOW}, {"許可", ACTION_ALLOW}, {"発信可", ACTION_ALLOW}, {"発信許可", ACTION_ALLOW},
    {"deny", ACTION_DENY}, {"block", ACTION_DENY}, {"ng", ACTION_DENY},
    {"×", ACTION_DENY}, {"✕", ACTION_DENY}, {"✖", ACTION_DENY}, {"╳", ACTION_DENY},
    {"❌", ACTION_DENY}, {"x", ACTION_DENY},
    {"不可", ACTION_DENY}, {"拒否", ACTION_DENY}, {"規制", ACTION_DENY}, {"禁止", ACTION_DENY},
    {"発信不可", ACTION_DENY}, {"発信拒否", ACTION_DENY}, {"発信規制", ACTION_DENY},
    {"divert", ACTION_DIVERT}, {"転送", ACTION_DIVERT},
    {0}};

static const struct word marks[] = {
    {"○", MARK_YES}, {"◯", MARK_YES}, {"〇", MARK_YES}, {"o", MARK_YES}, {"●", MARK_YES},
    {"◎", MARK_YES}, {"✓", MARK_YES}, {"✔", MARK_YES}, {"☑", MARK_YES}, {"レ", MARK_YES},
    {"1", MARK_YES}, {"yes", MARK_YES}, {"y", MARK_YES}, {"true", MARK_YES}, {"はい", MARK_YES},
    {"×", MARK_NO}, {"✕", MARK_NO}, {"✖", MARK_NO}, {"╳", MARK_NO}, {"❌", MARK_NO},
    {"x", MARK_NO}, {"0", MARK_NO}, {"no", MARK_NO}, {"n", MARK_NO}, {"false", MARK_NO},
    {"-", MARK_NO}, {"いいえ", MARK_NO},
    {0}};

static const struct word matches[] = {
    {"prefix", false}, {"前方一致", false}, {"exact", true}, {"完全一致", true}, {0}};
/* clang-format on */

const char *list_column_word(enum list_column column)
{
    return column_words[column];
}

enum list_column list_column_of(struct slice title)
{
    return (enum list_column)find(titles, title, COLUMN_UNKNOWN);
}

/* --- cells ------------------------------------------------------------------------------------ */

bool list_action_of(struct slice cell, enum action *ret, struct slice *ret_divert_to)
{
    const char *colon = cell.n ? memchr(cell.p, ':', cell.n) : NULL;
    struct slice word = {cell.p, colon ? (size_t)(colon - cell.p) : cell.n};
    int action = find(actions, word, -1);
    if (action < 0 || (colon && action != ACTION_DIVERT))
        return false;
    *ret = (enum action)action;
    *ret_divert_to = colon ? list_trim((struct slice){colon + 1, cell.n - word.n - 1}) : SLICE_NONE;
    return true;
}

enum list_mark list_mark_of(struct slice cell)
{
    if (list_trim(cell).n == 0)
        return MARK_NONE;
    return (enum list_mark)find(marks, cell, MARK_ODD);
}

bool list_match_of(struct slice cell, bool *ret_is_exact)
{
    int is_exact = find(matches, cell, -1);
    if (is_exact < 0)
        return false;
    *ret_is_exact = is_exact;
    return true;
}
