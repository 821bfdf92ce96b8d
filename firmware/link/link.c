/* SPDX-License-Identifier: Apache-2.0 */
#include "link/link.h"

size_t glimpse_link_payload(const glimpse_link *link)
{
    return link->operations->payload(link);
}

int glimpse_link_send(glimpse_link *link, uint32_t now, const uint8_t *packet, size_t count)
{
    return link->operations->send(link, now, packet, count);
}

int glimpse_link_poll(glimpse_link *link, uint32_t now, glimpse_link_event *event)
{
    *event = (glimpse_link_event){.kind = GLIMPSE_LINK_NOTHING};
    return link->operations->poll(link, now, event);
}

uint32_t glimpse_link_wait(const glimpse_link *link, uint32_t now)
{
    return link->operations->wait(link, now);
}
