#include "doors/agi_session.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int agi_sessions_init(struct agi_sessions *sessions, size_t count, struct err *err)
{
    void *slab = mmap(NULL, count * sizeof *sessions->slab, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (slab == MAP_FAILED)
        return err_set(err, ERR_NOMEM, "%zu sessions: %s", count, strerror(errno));
    *sessions = (struct agi_sessions){.slab = slab, .count = count};
    return 0;
}

void agi_sessions_release(struct agi_sessions *sessions)
{
    if (sessions->slab)
        munmap(sessions->slab, sessions->count * sizeof *sessions->slab);
    *sessions = (struct agi_sessions){0};
}

struct agi_session *agi_session_take(struct agi_sessions *sessions, int64_t deadline_ms)
{
    struct agi_session *session = sessions->free;
    if (session)
        sessions->free = session->older;
    else if (sessions->used < sessions->count)
        session = &sessions->slab[sessions->used++];
    else
        return NULL;
    session->deadline_ms = deadline_ms;
    session->newer = NULL;
    session->older = sessions->newest;
    *(sessions->newest ? &sessions->newest->newer : &sessions->oldest) = session;
    sessions->newest = session;
    agi_env_init(&session->env);
    return session;
}

void agi_session_give_back(struct agi_sessions *sessions, struct agi_session *session)
{
    *(session->older ? &session->older->newer : &sessions->oldest) = session->newer;
    *(session->newer ? &session->newer->older : &sessions->newest) = session->older;
    session->older = sessions->free;
    sessions->free = session;
}
