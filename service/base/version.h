/* The version of daemon and command line; CHANGELOG.md says what is in it. */
#ifndef SEKISHO_BASE_VERSION_H
#define SEKISHO_BASE_VERSION_H

#define SEKISHO_VERSION "0.1.0"

#endif
