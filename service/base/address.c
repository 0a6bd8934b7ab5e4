#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_head[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* A numeric host as 16 bytes, IPv4 mapped; *ret_is_ipv4 tells how it was written. */
static bool parse_host(const char *text, uint8_t ret[16], bool *ret_is_ipv4)
{
    *ret_is_ipv4 = inet_pton(AF_INET, text, ret + 12) == 1;
    if (*ret_is_ipv4) {
        memcpy(ret, mapped_head, sizeof mapped_head);
        return true;
    }
    return inet_pton(AF_INET6, text, ret) == 1;
}

/* Digits up to `max`, the whole of `text`. */
static bool parse_number(const char *text, unsigned max, unsigned *ret)
{
    unsigned value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (unsigned)(*text - '0');
        if (value > max)
            return false;
    }
    *ret = value;
    return true;
}

/* Cuts "HOST:PORT" or "[HOST]:PORT" in two. */
static bool split_port(char *text, const char **ret_host, const char **ret_port)
{
    char *colon = strrchr(text, ':');
    if (!colon)
        return false;
    *colon = '\0';
    *ret_port = colon + 1;
    *ret_host = text;
    size_t n = strlen(text);
    if (text[0] == '[' && n > 2 && text[n - 1] == ']') {
        text[n - 1] = '\0';
        *ret_host = text + 1;
        return true;
    }
    return !strchr(text, ':');
}

static void set_address(struct endpoint *endpoint, const uint8_t host[16], bool is_ipv4)
{
    if (is_ipv4) {
        struct sockaddr_in *in = (struct sockaddr_in *)&endpoint->address;
        in->sin_family = AF_INET;
        in->sin_port = htons(endpoint->port);
        memcpy(&in->sin_addr, host + 12, 4);
        endpoint->len = sizeof *in;
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&endpoint->address;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(endpoint->port);
        memcpy(&in6->sin6_addr, host, 16);
        endpoint->len = sizeof *in6;
    }
}

int endpoint_parse(const char *text, struct endpoint *ret, struct err *err)
{
    struct endpoint endpoint = {0};
    char copy[ADDRESS_TEXT_BYTES];
    const char *host, *port;
    uint8_t bytes[16];
    bool is_ipv4;
    unsigned number;

    if (strcmp(text, "off") == 0) {
        *ret = (struct endpoint){.is_off = true};
        return 0;
    }
    size_t n = strlen(text);
    if (n >= sizeof copy)
        return err_set(err, ERR_INVALID, "HOST:PORT is too long");
    memcpy(copy, text, n + 1);
    if (!split_port(copy, &host, &port))
        return err_set(err, ERR_INVALID, "expected HOST:PORT or off, got \"%s\"", text);
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (!parse_host(host, bytes, &is_ipv4))
        return err_set(err, ERR_INVALID, "\"%s\" is not a numeric address", host);
    if (!parse_number(port, UINT16_MAX, &number))
        return err_set(err, ERR_INVALID, "\"%s\" is not a port, 0 to 65535", port);
    endpoint.port = (uint16_t)number;
    set_address(&endpoint, bytes, is_ipv4);
    *ret = endpoint;
    return 0;
}

/* The 16 bytes of a socket address; false for other families. */
static bool address_bytes(const struct sockaddr *address, uint8_t ret[16])
{
    if (address->sa_family == AF_INET) {
        memcpy(ret, mapped_head, sizeof mapped_head);
        memcpy(ret + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        memcpy(ret, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
        return true;
    }
    return false;
}

static bool is_mapped(const uint8_t bytes[16])
{
    return memcmp(bytes, mapped_head, sizeof mapped_head) == 0;
}

bool endpoint_is_loopback(const struct endpoint *endpoint)
{
    static const uint8_t ipv6_loopback[16] = {[15] = 1};
    uint8_t bytes[16];
    if (endpoint->is_off)
        return true;
    if (!address_bytes((const struct sockaddr *)&endpoint->address, bytes))
        return false;
    return is_mapped(bytes) ? bytes[12] == 127 : memcmp(bytes, ipv6_loopback, 16) == 0;
}

char *address_format_host(const struct sockaddr *address, char text[ADDRESS_TEXT_BYTES])
{
    uint8_t bytes[16];
    text[0] = '\0';
    if (!address_bytes(address, bytes))
        return text;
    if (is_mapped(bytes))
        inet_ntop(AF_INET, bytes + 12, text, ADDRESS_TEXT_BYTES);
    else
        inet_ntop(AF_INET6, bytes, text, ADDRESS_TEXT_BYTES);
    return text;
}

char *address_format(const struct sockaddr *address, char text[ADDRESS_TEXT_BYTES])
{
    char host[ADDRESS_TEXT_BYTES];
    text[0] = '\0';
    if (!*address_format_host(address, host))
        return text;
    /* the port lies at the same place in both */
    unsigned port = ntohs(((const struct sockaddr_in *)address)->sin_port);
    bool is_ipv6 = strchr(host, ':') != NULL;
    snprintf(text, ADDRESS_TEXT_BYTES, is_ipv6 ? "[%.47s]:%u" : "%.47s:%u", host, port);
    return text;
}

/* Are all bits from number `from` on zero? */
static bool is_clear_from(const uint8_t bytes[16], unsigned from)
{
    for (unsigned bit = from; bit < 128; bit++)
        if (bytes[bit / 8] & 0x80 >> bit % 8)
            return false;
    return true;
}

int network_parse(const char *text, struct network *ret, struct err *err)
{
    struct network network;
    char host[ADDRESS_TEXT_BYTES];
    bool is_ipv4;
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);

    if (n >= sizeof host)
        return err_set(err, ERR_INVALID, "address is too long");
    memcpy(host, text, n);
    host[n] = '\0';
    if (!parse_host(host, network.prefix, &is_ipv4))
        return err_set(err, ERR_INVALID, "\"%s\" is not a numeric address or network", text);
    unsigned width = is_ipv4 ? 32 : 128, bits = width;
    if (slash && !parse_number(slash + 1, width, &bits))
        return err_set(err, ERR_INVALID, "\"%s\": what follows / is 0 to %u", text, width);
    network.bits = (uint8_t)(128 - width + bits);
    if (!is_clear_from(network.prefix, network.bits))
        return err_set(err, ERR_INVALID, "\"%s\" has bits behind its first %u", text, bits);
    *ret = network;
    return 0;
}

bool networks_contain(const struct networks *networks, const struct sockaddr *address)
{
    uint8_t bytes[16];
    if (!address_bytes(address, bytes))
        return false;
    for (unsigned i = 0; i < networks->count; i++) {
        const struct network *network = &networks->items[i];
        unsigned whole = network->bits / 8, rest = network->bits % 8;
        uint8_t mask = (uint8_t)(0xff << (8 - rest));
        if (memcmp(bytes, network->prefix, whole) == 0 &&
            (rest == 0 || ((bytes[whole] ^ network->prefix[whole]) & mask) == 0))
            return true;
    }
    return false;
}
