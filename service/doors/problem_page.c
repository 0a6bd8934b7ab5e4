/* What the `type` of a problem leads to: its section of api/errors.md. */
#include "base/embed.h"
#include "doors/health.h"

EMBED(errors, "api/errors.md");

/* The section "### `code` · …" up to the next heading; empty when there is none. */
static struct slice section(struct slice page, struct slice code)
{
    char heading[64];
    int n = snprintf(heading, sizeof heading, "\n### `%.*s` ", SLICE_ARG(code));
    if (n <= 0 || (size_t)n >= sizeof heading)
        return SLICE_NONE;
    const char *start = memmem(page.p, page.n, heading, (size_t)n);
    if (!start)
        return SLICE_NONE;
    start++;
    size_t rest = (size_t)(page.p + page.n - start);
    const char *end = memmem(start, rest, "\n##", 3);
    return (struct slice){start, end ? (size_t)(end - start) : rest};
}

int problem_page(struct app *app, struct request *request, struct response *response,
                 struct err *err)
{
    (void)app;
    response->text = section(EMBEDDED(errors), request->params[0]);
    response->content_type = "text/markdown; charset=utf-8"; /* RFC 7763 */
    return response->text.n ? 0 : err_set(err, ERR_NOT_FOUND, "no such problem");
}
