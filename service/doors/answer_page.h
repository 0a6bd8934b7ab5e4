/* /a/{token}: where tenants answer. */
#ifndef SEKISHO_DOORS_ANSWER_PAGE_H
#define SEKISHO_DOORS_ANSWER_PAGE_H

#include "doors/http.h"

http_handler answer_page_get, answer_page_post;

#endif
