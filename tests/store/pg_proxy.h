/*
 * A proxy before a PostgreSQL server that can lose what passes through it. It listens on a unix
 * socket beside the server's, so that a URL reaches it by another port.
 */
#ifndef SEKISHO_TESTS_STORE_PG_PROXY_H
#define SEKISHO_TESTS_STORE_PG_PROXY_H

/* What happens to the next COMMIT that comes by; the mode then goes back to PROXY_PASS. */
enum pg_proxy_mode {
    PROXY_PASS,
    PROXY_LOSE_ANSWER,  /* the server gets it and answers; the client's connection breaks instead */
    PROXY_LOSE_COMMIT,  /* the server never gets it; both connections break */
    PROXY_HANG,         /* what clients say is not passed on; new ones are let in and get no answer */
    PROXY_LOSE_ALL,     /* as PROXY_LOSE_ANSWER, and from then on nobody is let in (stays so) */
};

struct pg_proxy;

/* folder: of the server's socket (port 5432); the proxy's is port 5433. */
struct pg_proxy *pg_proxy_start(const char *folder);
void pg_proxy_set(struct pg_proxy *proxy, enum pg_proxy_mode mode);
unsigned pg_proxy_lost(struct pg_proxy *proxy); /* how many met their fate: COMMITs, or all when hanging */
void pg_proxy_stop(struct pg_proxy *proxy);

#endif
