/* SPDX-License-Identifier: Apache-2.0 */
/* Persistent regions: whole sectors of the STM32F746's flash (RM0385 section 3.3). The core cannot fetch from flash
   while a sector is erased or a word is programmed: it just stands still, up to 4 s for a sector of 256 kB. */
#include <string.h>

#include "board.h"
#include "ports/port.h"
#include "ports/stm32f7/clock.h"
#include "stm32f7xx.h"

typedef struct {
    uint32_t base;
    uint32_t bytes;
    uint32_t sector;
} region_place;

static const region_place places[PORT_REGION_COUNT] = {BOARD_REGIONS};

enum { ERASE_MS = 5000, PROGRAM_MS = 2 }; /* datasheet: 4 s at most for 256 kB, 100 us for a word */

static const uint32_t errors = FLASH_SR_ERSERR | FLASH_SR_PGPERR | FLASH_SR_PGAERR | FLASH_SR_WRPERR;

const uint8_t *port_region_base(port_region region)
{
    return (const uint8_t *)(uintptr_t)places[region].base;
}
size_t port_region_size(port_region region)
{
    return places[region].bytes;
}

static bool unlock(void)
{
    if (!clock_wait(&FLASH->SR, FLASH_SR_BSY, 0, ERASE_MS)) {
        return false;
    }
    if ((FLASH->CR & FLASH_CR_LOCK) != 0) {
        FLASH->KEYR = 0x45670123u;
        FLASH->KEYR = 0xCDEF89ABu;
    }
    FLASH->SR = errors | FLASH_SR_EOP;
    return (FLASH->CR & FLASH_CR_LOCK) == 0;
}

static bool finish(uint32_t milliseconds)
{
    __DSB();
    return clock_wait(&FLASH->SR, FLASH_SR_BSY, 0, milliseconds) && (FLASH->SR & errors) == 0;
}

/* What the data cache holds of the region is what was there before. */
static void forget_cached(uint32_t base, uint32_t bytes)
{
    const uint32_t start = base & ~31u;
    SCB_InvalidateDCache_by_Addr((uint32_t *)(uintptr_t)start, (int32_t)(base - start + bytes));
}

bool port_region_erase(port_region region)
{
    const region_place *place = &places[region];
    port_watchdog_feed();
    bool ok = unlock();
    if (ok) {
        /* 32 bits at a time: the board's supply is over 2.7 V. */
        FLASH->CR = (2u << FLASH_CR_PSIZE_Pos) | FLASH_CR_SER | (place->sector << FLASH_CR_SNB_Pos);
        FLASH->CR |= FLASH_CR_STRT;
        ok = finish(ERASE_MS);
    }
    FLASH->CR = FLASH_CR_LOCK;
    port_watchdog_feed();
    forget_cached(place->base, place->bytes);
    const volatile uint32_t *words = (const volatile uint32_t *)(uintptr_t)place->base;
    for (uint32_t i = 0; ok && i < place->bytes / 4u; i++) {
        ok = words[i] == UINT32_MAX;
    }
    return ok;
}

bool port_region_write(port_region region, size_t offset, const void *bytes, size_t count)
{
    const region_place *place = &places[region];
    if (offset % 4 != 0 || count % 4 != 0 || offset > place->bytes || count > place->bytes - offset) {
        return false;
    }
    volatile uint32_t *target = (volatile uint32_t *)(uintptr_t)(place->base + offset);
    const uint8_t *source = (const uint8_t *)bytes;
    bool ok = unlock();
    if (ok) {
        FLASH->CR = (2u << FLASH_CR_PSIZE_Pos) | FLASH_CR_PG;
    }
    for (size_t done = 0; ok && done < count; done += 4) {
        uint32_t word;
        memcpy(&word, source + done, sizeof word);
        ok = *target == UINT32_MAX;
        if (!ok) {
            break;
        }
        *target++ = word;
        ok = finish(PROGRAM_MS);
    }
    FLASH->CR = FLASH_CR_LOCK;
    forget_cached(place->base + offset, count);
    return ok && memcmp((const void *)(uintptr_t)(place->base + offset), bytes, count) == 0;
}
