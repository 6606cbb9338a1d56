/* build.h - makes the configuration of what a source says: reads every value, puts the defaults in,
 * and looks whether the whole can work. */
#ifndef CONFIG_BUILD_H
#define CONFIG_BUILD_H

#include "config/source.h"

/* The configuration of `source`, whose relative paths begin in `folder` (absolute, without a slash
 * at its end). Owns all it holds. NULL, and `error` filled, where it is not right. */
NODISCARD struct config *build_config(const struct source *source, const char *folder,
                                      struct config_error *error);

#endif
