#include "jobs/webhook_target.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* --- addresses -------------------------------------------------------------------------------- */

/* IANA's registries of special-purpose addresses (RFC 6890), what is not globally reachable. */
static const struct {
    uint32_t prefix;
    unsigned bits;
} special4[] = {
    {0x00000000, 8},  /* this network */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* shared: carrier NAT (RFC 6598) */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* link-local: cloud metadata is 169.254.169.254 */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocol assignments */
    {0xc0000200, 24}, /* documentation */
    {0xc0586300, 24}, /* 6to4 relays, gone */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* benchmarks */
    {0xc6336400, 24}, /* documentation */
    {0xcb007100, 24}, /* documentation */
    {0xe0000000, 4},  /* multicast */
    {0xf0000000, 4},  /* reserved, broadcast */
};

static bool is_public4(uint32_t address)
{
    for (unsigned i = 0; i < sizeof special4 / sizeof *special4; i++)
        if ((address ^ special4[i].prefix) >> (32 - special4[i].bits) == 0)
            return false;
    return true;
}

/* Of 2000::/3, which is all that is given out, without what carries an IPv4 address or is not routed. */
static bool is_public6(const uint8_t a[16])
{
    if ((a[0] & 0xe0) != 0x20)
        return false;
    bool is_protocol = a[0] == 0x20 && a[1] == 0x01 && a[2] < 2; /* 2001::/23, Teredo is in it */
    bool is_example = a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8;
    bool is_6to4 = a[0] == 0x20 && a[1] == 0x02;
    bool is_example2 = a[0] == 0x3f && a[1] == 0xff && a[2] < 0x10; /* 3fff::/20 */
    return !is_protocol && !is_example && !is_6to4 && !is_example2;
}

bool webhook_address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return is_public4(ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr));
    if (address->sa_family != AF_INET6)
        return false;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(six)) {
        uint32_t four;
        memcpy(&four, six->s6_addr + 12, sizeof four);
        return is_public4(ntohl(four));
    }
    return is_public6(six->s6_addr);
}

/* --- URLs ------------------------------------------------------------------------------------- */

struct parts {
    char *scheme, *host, *port, *user, *password;
};

static void parts_release(struct parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->port);
    curl_free(parts->user);
    curl_free(parts->password);
}

/* libcurl's own reader, so that what is looked at here is what is connected to later. */
static const char *take_apart(const char *text, struct parts *ret)
{
    CURLU *url = curl_url();
    const char *fault = NULL;
    if (!url || curl_url_set(url, CURLUPART_URL, text, 0) ||
        curl_url_get(url, CURLUPART_SCHEME, &ret->scheme, 0) ||
        curl_url_get(url, CURLUPART_HOST, &ret->host, 0) ||
        curl_url_get(url, CURLUPART_PORT, &ret->port, CURLU_DEFAULT_PORT))
        fault = "not a URL";
    else if (!curl_url_get(url, CURLUPART_USER, &ret->user, 0) ||
             !curl_url_get(url, CURLUPART_PASSWORD, &ret->password, 0))
        fault = "a URL with a user or password";
    else if (strcmp(ret->scheme, "https") != 0 && strcmp(ret->scheme, "http") != 0)
        fault = "not https";
    else if (strlen(ret->host) >= WEBHOOK_HOST_BYTES)
        fault = "the host is too long";
    curl_url_cleanup(url);
    return fault;
}

/* Why this address is refused; NULL: it is not. */
static const char *address_fault(const struct parts *parts, const struct networks *allowed,
                                 const struct sockaddr *address)
{
    if (networks_contain(allowed, address))
        return NULL;
    if (!webhook_address_is_public(address))
        return "is not a public address";
    if (strcmp(parts->scheme, "https") != 0)
        return "is asked for without https";
    return strcmp(parts->port, "443") != 0 && strcmp(parts->port, "8443") != 0
               ? "is asked for at a port that is neither 443 nor 8443" : NULL;
}

static void choose(const struct parts *parts, const struct networks *allowed,
                   const struct addrinfo *list, struct webhook_target *ret, struct delivery *end)
{
    for (const struct addrinfo *at = list; at; at = at->ai_next) {
        char text[ADDRESS_TEXT_BYTES];
        const char *fault = address_fault(parts, allowed, at->ai_addr);
        if (fault) {
            delivery_end(end, DELIVERY_NEVER, "%s (%s) %s", parts->host,
                         address_format_host(at->ai_addr, text), fault);
            return;
        }
    }
    snprintf(ret->host, sizeof ret->host, "%s", parts->host);
    ret->port = (unsigned short)strtoul(parts->port, NULL, 10);
    memcpy(&ret->address, list->ai_addr, list->ai_addrlen);
    ret->address_n = list->ai_addrlen;
    delivery_end(end, DELIVERY_DONE, "%s", "");
}

/* getaddrinfo() wants IPv6 without its brackets. */
static void bare_host(const char *host, char out[WEBHOOK_HOST_BYTES])
{
    size_t n = strlen(host);
    bool has_brackets = n > 2 && host[0] == '[' && host[n - 1] == ']';
    snprintf(out, WEBHOOK_HOST_BYTES, "%.*s", (int)(has_brackets ? n - 2 : n),
             has_brackets ? host + 1 : host);
}

void webhook_target_find(const char *url, const struct networks *allowed,
                         struct webhook_target *ret, struct delivery *end)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
    struct parts parts = {0};
    char host[WEBHOOK_HOST_BYTES];
    const char *fault = take_apart(url, &parts);
    if (fault) {
        delivery_end(end, DELIVERY_NEVER, "%s", fault);
        parts_release(&parts);
        return;
    }
    bare_host(parts.host, host);
    int r = getaddrinfo(host, parts.port, &hints, &list);
    if (r != 0 || !list)
        delivery_end(end, DELIVERY_LATER, "%s: %s", parts.host, gai_strerror(r));
    else
        choose(&parts, allowed, list, ret, end);
    if (list)
        freeaddrinfo(list);
    parts_release(&parts);
}
