/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/mark.h"

#include "ports/nrf53/mark.h"
#include "ports/nrf53/registers.h"

enum { FIRST = BOARD_MARK_PIN, SECOND = FIRST + 1 };

void mark_open(void)
{
    port_mark(PORT_MARK_NONE);
    P1_PIN_CNF(FIRST) = PIN_CNF_OUTPUT;
    P1_PIN_CNF(SECOND) = PIN_CNF_OUTPUT;
}

/* OUTSET and OUTCLR would change one pin after the other. No interrupt writes to this port. */
void port_mark(uint32_t mark)
{
    P1_OUT = (P1_OUT & ~(3u << FIRST)) | mark << FIRST;
}
