#include "base/thread.h"

#include <signal.h>

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *user), void *user)
{
    sigset_t others, before;
    sigfillset(&others);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        sigdelset(&others, faults[i]);
    pthread_sigmask(SIG_SETMASK, &others, &before);
    int error = pthread_create(thread, NULL, run, user);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_setname_np(*thread, name);
    return error;
}
