/* SPDX-License-Identifier: Apache-2.0 */
/* The two wires by which OmniVision's sensors are set (SCCB Functional Specification 2.2): I2C at 100 kHz, a register's
   number and its value in one write; a read is a write of the number, a stop, and a read of one byte. A port that has
   such a sensor answers this. */
#ifndef GLIMPSE_PORTS_SCCB_H
#define GLIMPSE_PORTS_SCCB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t number, value;
} sccb_register;

/* Readies the two pins; may be called again. */
void sccb_open(void);

/* device: 7 bits. False: no answer within a bounded time. */
bool sccb_write(uint8_t device, uint8_t number, uint8_t value);
bool sccb_read(uint8_t device, uint8_t number, uint8_t *value);

static inline bool sccb_write_all(uint8_t device, const sccb_register *registers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!sccb_write(device, registers[i].number, registers[i].value)) {
            return false;
        }
    }
    return true;
}

#endif
