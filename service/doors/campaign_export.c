#include "doors/campaign_export.h"

#include <stdlib.h>

#include "base/ulid.h"
#include "jobs/campaign_report.h"

enum { ARENA_BYTES = 64 << 20 };

struct campaign_export {
    struct body_stream base;
    struct store *store;
    char id[ULID_BYTES];
    char after_tenant[TENANT_ID_BYTES], after_account[ACCOUNT_ID_BYTES];
    struct arena arena;    /* of the page */
    struct slice page;     /* what of it has not been sent */
    bool is_last;          /* there is no page behind it */
};

static int read_page(struct campaign_export *export, struct err *err)
{
    struct report_page page;
    struct txn *txn;
    arena_release(&export->arena);
    arena_init(&export->arena, ARENA_BYTES);
    int rc = store_begin(export->store, NULL, &txn, err);
    if (rc)
        return rc;
    rc = campaign_report_page(txn, slice_of(export->id), slice_of(export->after_tenant),
                              slice_of(export->after_account), REPORT_LINES_MAX, &export->arena,
                              &page, err);
    store_rollback(txn);
    if (rc)
        return rc;
    export->page = page.lines;
    export->is_last = page.count < REPORT_LINES_MAX;
    if (page.count) {
        snprintf(export->after_tenant, sizeof export->after_tenant, "%s", page.last_tenant);
        snprintf(export->after_account, sizeof export->after_account, "%s", page.last_account);
    }
    return 0;
}

static int more(struct body_stream *stream, struct buf *out, struct err *err)
{
    struct campaign_export *export = (struct campaign_export *)stream;
    if (export->page.n == 0) {
        int rc = export->is_last ? 0 : read_page(export, err);
        if (rc || export->page.n == 0)
            return rc;
    }
    size_t n = export->page.n < STREAM_FULL_BYTES ? export->page.n : STREAM_FULL_BYTES;
    buf_add(out, export->page.p, n);
    export->page.p += n;
    export->page.n -= n;
    return export->page.n > 0 || !export->is_last;
}

static void release(struct body_stream *stream)
{
    struct campaign_export *export = (struct campaign_export *)stream;
    arena_release(&export->arena);
    free(export);
}

struct body_stream *campaign_export_new(struct store *store, struct slice id)
{
    struct campaign_export *export = calloc(1, sizeof *export);
    if (!export)
        return NULL;
    arena_init(&export->arena, ARENA_BYTES);
    export->base = (struct body_stream){more, release};
    export->store = store;
    export->page = slice_of(campaign_report_header());
    snprintf(export->id, sizeof export->id, "%.*s", SLICE_ARG(id));
    return &export->base;
}
