#include <strings.h>

#include "auth/auth.h"
#include "auth/base64.h"

/* What follows "<scheme> " in the header (RFC 9110 section 11.4; the scheme's case does not matter). */
static struct slice after_scheme(struct slice header, struct slice scheme)
{
    if (header.n <= scheme.n || strncasecmp(header.p, scheme.p, scheme.n) != 0 ||
        header.p[scheme.n] != ' ')
        return SLICE_NONE;
    struct slice rest = {header.p + scheme.n, header.n - scheme.n};
    while (rest.n && rest.p[0] == ' ')
        rest.p++, rest.n--;
    return rest;
}

/* user-id ":" password in base64 (RFC 7617 section 2); clients differ on the padding. The user-id is
 * not looked at: old CURL() needs some word there. */
static struct slice basic_password(struct slice credentials, char scratch[TOKEN_BYTES_MAX])
{
    size_t n;
    while (credentials.n && credentials.p[credentials.n - 1] == '=')
        credentials.n--;
    if (!base64_decode(credentials, BASE64_PLAIN, scratch, TOKEN_BYTES_MAX, &n))
        return SLICE_NONE;
    const char *colon = memchr(scratch, ':', n);
    if (!colon)
        return SLICE_NONE;
    return (struct slice){colon + 1, (size_t)(scratch + n - colon - 1)};
}

struct slice auth_token_of_header(struct slice authorization, char scratch[TOKEN_BYTES_MAX])
{
    struct slice token = after_scheme(authorization, SLICE_LIT("Bearer"));
    if (!slice_is_empty(token))
        return token;
    struct slice basic = after_scheme(authorization, SLICE_LIT("Basic"));
    return slice_is_empty(basic) ? SLICE_NONE : basic_password(basic, scratch);
}
