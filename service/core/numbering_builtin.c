/* The numbering data as of the build, from schema/numbering/. */
#include "base/embed.h"
#include "core/numbering.h"

EMBED(about, "schema/numbering/about.csv");
EMBED(countries, "schema/numbering/countries.csv");
EMBED(nanp, "schema/numbering/nanp.csv");
EMBED(kinds, "schema/numbering/kinds.csv");
EMBED(prefixes, "schema/numbering/prefixes.csv");
EMBED(services, "schema/numbering/services.csv");
EMBED(groups, "schema/numbering/groups.csv");

int numbering_builtin(struct numbering **ret, struct err *err)
{
    const struct slice files[NUMBERING_FILES] = {
        [NUMBERING_ABOUT] = EMBEDDED(about),       [NUMBERING_COUNTRIES] = EMBEDDED(countries),
        [NUMBERING_NANP] = EMBEDDED(nanp),         [NUMBERING_KINDS] = EMBEDDED(kinds),
        [NUMBERING_PREFIXES] = EMBEDDED(prefixes), [NUMBERING_SERVICES] = EMBEDDED(services),
        [NUMBERING_GROUPS] = EMBEDDED(groups),
    };
    return numbering_parse(files, ret, err);
}
