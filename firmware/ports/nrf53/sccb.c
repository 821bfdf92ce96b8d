/* SPDX-License-Identifier: Apache-2.0 */
/* TWIM2 on SDA and SCL of the Arduino header (product specification, section TWIM). */
#include "ports/sccb.h"

#include "board.h"
#include "ports/nrf53/registers.h"

enum { TURNS = 20000 }; /* three bytes take 0.3 ms */

static volatile uint8_t message[2]; /* EasyDMA reads and writes RAM only */

void sccb_open(void)
{
    TWIM2_ENABLE = 0;
    P1_PIN_CNF(BOARD_CAMERA_SCL_PIN) = PIN_CNF_TWO_WIRE;
    P1_PIN_CNF(BOARD_CAMERA_SDA_PIN) = PIN_CNF_TWO_WIRE;
    TWIM2_PSEL_SCL = PSEL_PORT_1 | BOARD_CAMERA_SCL_PIN;
    TWIM2_PSEL_SDA = PSEL_PORT_1 | BOARD_CAMERA_SDA_PIN;
    TWIM2_FREQUENCY = TWIM_FREQUENCY_100K;
    TWIM2_ENABLE = TWIM_ENABLED;
}

/* A device that does not acknowledge leaves the bus to be stopped by hand. */
static bool finish(void)
{
    uint32_t turns = TURNS;
    while (TWIM2_EVENTS_STOPPED == 0 && TWIM2_EVENTS_ERROR == 0 && turns > 0) {
        turns--;
    }
    const bool done = TWIM2_EVENTS_STOPPED != 0 && TWIM2_EVENTS_ERROR == 0;
    if (!done) {
        TWIM2_ERRORSRC = UINT32_MAX;
        TWIM2_TASKS_STOP = 1;
        (void)WAIT_UNTIL(TWIM2_EVENTS_STOPPED, 1u, 1u, TURNS);
    }
    return done;
}

static void ready(uint8_t device)
{
    TWIM2_EVENTS_STOPPED = 0;
    TWIM2_EVENTS_ERROR = 0;
    TWIM2_ADDRESS = device;
}

static bool send(uint8_t device, uint32_t count)
{
    ready(device);
    TWIM2_TXD_PTR = (uint32_t)(uintptr_t)message;
    TWIM2_TXD_MAXCNT = count;
    TWIM2_SHORTS = TWIM_LASTTX_STOP;
    __asm__ volatile("dsb" ::: "memory");
    TWIM2_TASKS_STARTTX = 1;
    return finish();
}

bool sccb_write(uint8_t device, uint8_t number, uint8_t value)
{
    message[0] = number;
    message[1] = value;
    return send(device, 2);
}

bool sccb_read(uint8_t device, uint8_t number, uint8_t *value)
{
    message[0] = number;
    if (!send(device, 1)) {
        return false;
    }
    ready(device);
    TWIM2_RXD_PTR = (uint32_t)(uintptr_t)message;
    TWIM2_RXD_MAXCNT = 1;
    TWIM2_SHORTS = TWIM_LASTRX_STOP;
    TWIM2_TASKS_STARTRX = 1;
    const bool done = finish();
    *value = message[0];
    return done;
}
