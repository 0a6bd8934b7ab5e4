/*
 * Calls that have bitten everyone: included before every file by the Makefile, so that using one
 * fails to compile with a name that says why.
 */
#ifndef SEKISHO_BASE_BANNED_H
#define SEKISHO_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok
#pragma GCC poison gmtime localtime ctime asctime atoi atol atoll

#endif
