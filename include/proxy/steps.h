/* steps.h - what is done with an exchange at the end of a turn: the one function that looks at its
 * state. */
#ifndef PROXY_STEPS_H
#define PROXY_STEPS_H

#include "proxy/env.h"

/* Makes the sessions of `env` report to exchanges, and these do their steps. To be called once,
 * after env_init(). */
void steps_install(struct env *env);

#endif
