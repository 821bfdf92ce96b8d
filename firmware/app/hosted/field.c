/* SPDX-License-Identifier: Apache-2.0 */
/* app/field.h answered by a node that only works for a host: in the place of field.c and field_frame.c where the built-in
   model leaves no room in the flash for a modem's driver and a schedule of its own. */
#include "app/field.h"
#include "core/status.h"
#include "ports/port.h"

void field_begin(const field_parts *parts)
{
    (void)parts;
}

int field_set_modem(const uint8_t *body)
{
    (void)body;
    return GLIMPSE_ERROR_SOURCE;
}

void field_poll(void)
{
    (void)port_take_wake(); /* nobody waits for a photo */
}

uint64_t field_idle_until(void)
{
    return UINT64_MAX;
}

bool field_has_room(const glimpse_settings *wanted)
{
    return wanted->prior == 0 && wanted->parity == 0 && wanted->parity_first == 0;
}

void field_drop_frame(void)
{
}

void field_send_whole(void)
{
}
