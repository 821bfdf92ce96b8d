/* SPDX-License-Identifier: Apache-2.0 */
/* No second line yet: docs/field.md. */
#include "ports/port.h"

bool port_modem_open(uint32_t baud)
{
    (void)baud;
    return false;
}

size_t port_modem_read(uint8_t *bytes, size_t capacity)
{
    (void)bytes;
    (void)capacity;
    return 0;
}

size_t port_modem_write(const uint8_t *bytes, size_t count)
{
    (void)bytes;
    (void)count;
    return 0;
}
