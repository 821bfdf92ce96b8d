/* SPDX-License-Identifier: Apache-2.0 */
/* Persistent regions: pages of the nRF5340's flash (product specification, section NVMC). The core stands still while a
   page is erased (87 ms) or a word is written (41 us). */
#include <string.h>

#include "board.h"
#include "ports/nrf53/registers.h"
#include "ports/port.h"

typedef struct {
    uint32_t base;
    uint32_t bytes;
} region_place;

static const region_place places[PORT_REGION_COUNT] = {BOARD_REGIONS};

enum { TURNS = 10000000 };

const uint8_t *port_region_base(port_region region)
{
    return (const uint8_t *)(uintptr_t)places[region].base;
}
size_t port_region_size(port_region region)
{
    return places[region].bytes;
}

static bool ready(void)
{
    return WAIT_UNTIL(NVMC_READY, 1u, 1u, TURNS);
}

static void finish(void)
{
    (void)ready();
    NVMC_CONFIG = NVMC_READ_ONLY;
    CACHE_INVALIDATE = 1;
    __asm__ volatile("dsb\n isb" ::: "memory");
}

bool port_region_erase(port_region region)
{
    const region_place *place = &places[region];
    bool ok = ready();
    NVMC_CONFIG = NVMC_ERASE;
    for (uint32_t offset = 0; ok && offset < place->bytes; offset += NVMC_PAGE_BYTES) {
        port_watchdog_feed();
        REGISTER(place->base + offset) = UINT32_MAX; /* erases its page */
        ok = ready();
    }
    finish();
    for (uint32_t offset = 0; ok && offset < place->bytes; offset += 4) {
        ok = REGISTER(place->base + offset) == UINT32_MAX;
    }
    return ok;
}

bool port_region_write(port_region region, size_t offset, const void *bytes, size_t count)
{
    const region_place *place = &places[region];
    if (offset % 4 != 0 || count % 4 != 0 || offset > place->bytes || count > place->bytes - offset) {
        return false;
    }
    const uint8_t *source = (const uint8_t *)bytes;
    bool ok = ready();
    NVMC_CONFIG = NVMC_WRITE;
    for (size_t done = 0; ok && done < count; done += 4) {
        volatile uint32_t *target = &REGISTER(place->base + offset + done);
        uint32_t word;
        memcpy(&word, source + done, sizeof word);
        ok = *target == UINT32_MAX;
        if (!ok) {
            break;
        }
        *target = word;
        ok = ready();
    }
    finish();
    return ok && memcmp((const void *)(uintptr_t)(place->base + offset), bytes, count) == 0;
}
