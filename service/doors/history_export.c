#include "doors/history_export.h"

#include <stdlib.h>

#include "base/clock.h"
#include "doors/history_lines.h"

struct history_export {
    struct body_stream base;
    struct store *store;
    struct history_filter filter; /* its texts are in `arena` or the arrays below */
    struct arena arena;
    enum history_format format;
    bool has_head;
    char after_tenant[TENANT_ID_BYTES], after_account[ACCOUNT_ID_BYTES];
    struct buf *out; /* of the piece that is being made */
};

static int add_line(void *context, const struct account_history *history, struct err *err)
{
    struct history_export *export = context;
    struct buf *out = export->out;
    if (export->format == HISTORY_CSV) {
        history_csv_line(out, history);
    } else {
        json_t *line = history_write(history);
        char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
        json_decref(line);
        if (!text)
            return err_set(err, ERR_NOMEM, "out of memory");
        buf_add_text(out, text);
        buf_add_char(out, '\n');
        free(text);
    }
    snprintf(export->after_tenant, sizeof export->after_tenant, "%.*s",
             SLICE_ARG(history->tenant));
    snprintf(export->after_account, sizeof export->after_account, "%.*s",
             SLICE_ARG(history->account));
    return out->n > STREAM_FULL_BYTES;
}

static int more(struct body_stream *stream, struct buf *out, struct err *err)
{
    struct history_export *export = (struct history_export *)stream;
    if (!export->has_head && export->format == HISTORY_CSV)
        history_csv_head(out);
    export->has_head = true;
    export->out = out;
    export->filter.after_tenant = slice_of(export->after_tenant);
    export->filter.after_account = slice_of(export->after_account);
    return store_history_each(export->store, &export->filter, add_line, export, err);
}

static void release(struct body_stream *stream)
{
    struct history_export *export = (struct history_export *)stream;
    arena_release(&export->arena);
    free(export);
}

struct body_stream *history_export_new(struct store *store, const struct history_filter *filter,
                                       enum history_format format)
{
    struct history_export *export = calloc(1, sizeof *export);
    if (!export)
        return NULL;
    arena_init(&export->arena, 64 * 1024);
    export->base = (struct body_stream){more, release};
    export->store = store;
    export->format = format;
    export->filter = *filter;
    const char *tenant = arena_copy(&export->arena, filter->tenant);
    const char *profile = arena_copy(&export->arena, filter->profile);
    if (!tenant || !profile) {
        release(&export->base);
        return NULL;
    }
    export->filter.tenant = slice_of(tenant);
    export->filter.profile = slice_of(profile);
    if (!filter->period.until_ms) /* the same for every piece */
        export->filter.period.until_ms = clock_now_ms();
    return &export->base;
}
