/* What the daemon must not be started with; for config.c. */
#ifndef SEKISHO_CONFIG_CHECK_H
#define SEKISHO_CONFIG_CHECK_H

#include "config.h"

int config_check(const struct config *config, struct err *err) MUST_CHECK;
/* What the start would find out by itself: for --check-config, so that a restart does not fail. */
int config_check_contents(const struct config *config, struct err *err) MUST_CHECK;

/* Puts where the option was written before an error's text; returns its code. */
int config_name_source(const struct config *config, const char *name, struct err *err);

#endif
