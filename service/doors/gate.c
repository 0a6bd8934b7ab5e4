#include "doors/gate.h"

#include <stdatomic.h>
#include <strings.h>

#include "doors/connection.h"

/* --- the target ----------------------------------------------------------------------------- */

static void refuse_uri(struct connection *connection, enum problem problem, const char *why)
{
    connection->uri.path = SLICE_NONE;
    connection->uri.params_count = 0;
    authorize_note_broken(connection, connection->raw_uri);
    refuse(connection, problem, "%s", why);
}

void gate_take_uri(struct connection *connection, const char *raw)
{
    struct err err = {0};
    size_t n = raw ? strlen(raw) : 0; /* NULL: half-open connections of port scans */
    connection->raw_uri = raw;
    connection->raw_uri_n = n;
    if (n > URI_BYTES_MAX) {
        refuse_uri(connection, PROBLEM_URI_TOO_LONG, "more than 2048 bytes");
        return;
    }
    if (n)
        memcpy(connection->uri_text, raw, n);
    if (uri_split(connection->uri_text, n, &connection->uri, &err))
        refuse_uri(connection, PROBLEM_BAD_REQUEST, err.text);
}

/* --- headers -------------------------------------------------------------------------------- */

/* tchar of RFC 9110 section 5.6.2 */
static bool is_token(const char *p, size_t n)
{
    static const bool is_tchar[256] = {
        ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1,
        ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1, ['~'] = 1,
        ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
    };
    for (size_t i = 0; i < n; i++)
        if (!is_tchar[(unsigned char)p[i]])
            return false;
    return n > 0;
}

/* Any byte below 0x20 or 0x7f? Sixteen at a time: tokens are long. */
static bool has_control(const char *p, size_t n)
{
    typedef unsigned char sixteen __attribute__((vector_size(16)));
    sixteen found = {0};
    uint64_t any[2];
    for (; n >= sizeof found; p += sizeof found, n -= sizeof found) {
        sixteen bytes;
        memcpy(&bytes, p, sizeof bytes);
        found |= (sixteen)((bytes < 0x20) | (bytes == 0x7f));
    }
    memcpy(any, &found, sizeof any);
    for (; n; p++, n--)
        any[0] |= (unsigned char)*p < 0x20 || *p == 0x7f;
    return any[0] | any[1];
}

static bool has_control_but_tab(const char *p, size_t n)
{
    if (!has_control(p, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (p[i] != '\t' && ((unsigned char)p[i] < 0x20 || p[i] == 0x7f))
            return true;
    return false;
}

static void take_length(struct facts *facts, struct slice value)
{
    uint64_t length = 0;
    facts->content_lengths++;
    if (value.n == 0 || value.n > 18)
        facts->broken = "Content-Length";
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            facts->broken = "Content-Length";
        length = length * 10 + (uint64_t)(value.p[i] - '0');
    }
    facts->content_length = length;
}

static bool is_name(struct slice name, const char *lower)
{
    return strncasecmp(name.p, lower, name.n) == 0;
}

/* Lengths first: of the usual headers most are none of ours. */
static void take_known(struct facts *facts, struct slice name, struct slice value)
{
    switch (name.n) {
    case 4:
        if (is_name(name, "host"))
            facts->hosts++, facts->host = value;
        break;
    case 6:
        if (is_name(name, "accept"))
            facts->accept = facts->accept.p ? facts->accept : value;
        else if (is_name(name, "expect"))
            facts->expects++;
        break;
    case 8:
        facts->if_matches += is_name(name, "if-match");
        break;
    case 12:
        if (is_name(name, "content-type"))
            facts->content_types++, facts->content_type = value;
        break;
    case 13:
        if (is_name(name, "authorization"))
            facts->authorizations++, facts->authorization = value;
        else
            facts->if_none_matches += is_name(name, "if-none-match");
        break;
    case 14:
        if (is_name(name, "content-length"))
            take_length(facts, value);
        break;
    case 15:
        facts->idempotency_keys += is_name(name, "idempotency-key");
        break;
    case 17:
        if (is_name(name, "transfer-encoding")) {
            facts->transfer_encodings++;
            facts->is_chunked = value.n == 7 && strncasecmp(value.p, "chunked", 7) == 0;
        }
        break;
    default: break;
    }
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   size_t name_n, const char *value, size_t value_n)
{
    struct facts *facts = context;
    (void)kind;
    if (!is_token(name, name_n))
        facts->broken = "a header name";
    else if (has_control_but_tab(value, value_n))
        facts->broken = "a control character in a header";
    else
        take_known(facts, (struct slice){name, name_n}, (struct slice){value, value_n});
    if (facts->at) {
        if (name != facts->at)
            facts->broken = "the end of a header line";
        facts->at = value + value_n + 2;
    }
    return facts->broken ? MHD_NO : MHD_YES;
}

/* --- the whole ------------------------------------------------------------------------------ */

static bool take_method(struct connection *connection, const char *word)
{
    struct facts *facts = &connection->facts;
    for (facts->method = 0; facts->method < METHOD_COUNT; facts->method++)
        if (strcmp(word, method_word(facts->method)) == 0)
            return true;
    facts->method = METHOD_GET;
    bool is_known = strcmp(word, "TRACE") == 0 || strcmp(word, "CONNECT") == 0;
    if (is_known)
        refuse(connection, PROBLEM_WRONG_METHOD, "not on this server");
    else
        refuse(connection, PROBLEM_METHOD_UNKNOWN, "methods are case-sensitive");
    return false;
}

/* Notes where the first header must start, before 1.0; false when the request line is not clean. */
static bool take_layout(struct connection *connection, const char *method, const char *version)
{
    struct facts *facts = &connection->facts;
    facts->at = NULL;
    if (!connection->http->is_layout_known)
        return true;
    facts->at = version + strlen(version) + 2;
    return connection->raw_uri == method + strlen(method) + 1 &&
           version == connection->raw_uri + connection->raw_uri_n + 1;
}

static size_t header_bytes(struct connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

static const char *framing_fault(const struct facts *facts, const char *version)
{
    bool is_1_0 = strcmp(version, "HTTP/1.0") == 0;
    if (facts->broken)
        return facts->broken;
    if (facts->hosts > 1 || (facts->hosts == 0 && !is_1_0))
        return "Host";
    if (facts->content_lengths > 1)
        return "Content-Length";
    if (facts->transfer_encodings > 1 || (facts->transfer_encodings && !facts->is_chunked))
        return "Transfer-Encoding";
    if (facts->transfer_encodings && (facts->content_lengths || is_1_0))
        return "Content-Length and Transfer-Encoding";
    if (facts->authorizations > 1)
        return "Authorization";
    if (facts->content_types > 1)
        return "Content-Type";
    if (facts->if_matches > 1 || facts->if_none_matches > 1 || facts->idempotency_keys > 1)
        return "If-Match, If-None-Match or Idempotency-Key";
    return NULL;
}

void gate_take_headers(struct connection *connection, const char *method, const char *version)
{
    struct facts *facts = &connection->facts;
    *facts = (struct facts){0};
    if (!take_method(connection, method))
        return;
    if (!take_layout(connection, method, version))
        facts->broken = "the request line";
    MHD_get_connection_values_n(connection->mhd, MHD_HEADER_KIND, take_header, facts);

    size_t bytes = header_bytes(connection);
    /* behind the last line is an empty one, and there the header ends */
    if (!facts->broken && facts->at && facts->at + 2 != method + bytes)
        facts->broken = "the end of the header";
    const char *fault = framing_fault(facts, version);
    if (bytes > HEADER_BYTES_MAX)
        refuse(connection, PROBLEM_HEADER_TOO_LARGE, "more than %d bytes", HEADER_BYTES_MAX);
    else if (fault)
        refuse(connection, PROBLEM_BAD_REQUEST, "%s is malformed, missing or repeated", fault);
}

bool facts_have_body(const struct facts *facts)
{
    return facts->is_chunked || facts->content_length > 0;
}

const char *method_word(enum method method)
{
    static const char *const words[METHOD_COUNT] = {"GET",   "HEAD",   "POST",   "PUT",
                                                    "PATCH", "DELETE", "OPTIONS"};
    return words[method];
}
