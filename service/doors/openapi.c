/* The API's own document, as it was when the program was built. */
#include "base/embed.h"
#include "doors/health.h"

EMBED(openapi, "api/openapi.yaml");

int health_openapi(struct app *app, struct request *request, struct response *response,
                   struct err *err)
{
    (void)app, (void)request, (void)err;
    response->text = EMBEDDED(openapi);
    response->content_type = "application/yaml"; /* RFC 9512 */
    return 0;
}
