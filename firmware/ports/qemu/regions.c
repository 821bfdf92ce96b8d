/* SPDX-License-Identifier: Apache-2.0 */
/* Flash of an emulated board: memory at the real board's offsets, kept in a file of the host per region.

   The flash of musca-b1 cannot be written by the core, on mps2-an500 it can. Semihosting's "read from a file"
   stores into either, as a flash programmer would, so both boards change their flash only in that way: a write
   goes to the file first and is then read back from the file into place.

   A region is loaded when it is first asked for, and its file is made when it is first erased or written: a
   program that stores nothing leaves nothing behind. */
#include <string.h>

#include "board.h"
#include "ports/port.h"
#include "ports/qemu/semihosting.h"

typedef struct {
    uint32_t base;
    uint32_t bytes;
} region_place;

static const region_place places[PORT_REGION_COUNT] = {BOARD_REGIONS};
static const char *const files[PORT_REGION_COUNT] = {"slot0.bin", "slot1.bin", "settings_a.bin", "settings_b.bin"};
static const char erased_file[] = "erased.tmp";
static bool loaded[PORT_REGION_COUNT];

enum { CHUNK = 4096 };

static void *place(port_region region, size_t offset)
{
    return (void *)(uintptr_t)(places[region].base + offset);
}

static bool write_erased(int32_t file, size_t count)
{
    static uint8_t erased[256];
    memset(erased, 0xFF, sizeof erased);
    bool ok = true;
    for (size_t done = 0; done < count; done += sizeof erased) {
        ok = semihosting_write(file, erased, sizeof erased) && ok;
    }
    return ok;
}

/* No file of this region yet: it is erased flash. Bytes can only come from a file, so one is made for a moment. */
static bool load_erased(port_region region)
{
    const int32_t file = semihosting_open(erased_file, SEMIHOSTING_CREATE);
    if (file < 0) {
        return false;
    }
    bool ok = write_erased(file, CHUNK);
    for (size_t offset = 0; ok && offset < places[region].bytes; offset += CHUNK) {
        ok = semihosting_seek(file, 0) && semihosting_read(file, place(region, offset), CHUNK);
    }
    semihosting_close(file);
    semihosting_remove(erased_file);
    return ok;
}

/* False: the host's file system refused. What memory then holds of the region means nothing; asking again tries
   again. */
static bool load(port_region region)
{
    if (loaded[region]) {
        return true;
    }
    const int32_t file = semihosting_open(files[region], SEMIHOSTING_READ);
    const bool there = file >= 0 && semihosting_length(file) == (int32_t)places[region].bytes &&
                       semihosting_read(file, place(region, 0), places[region].bytes);
    if (file >= 0) {
        semihosting_close(file);
    }
    loaded[region] = there || load_erased(region);
    return loaded[region];
}

const uint8_t *port_region_base(port_region region)
{
    (void)load(region);
    return (const uint8_t *)place(region, 0);
}

size_t port_region_size(port_region region)
{
    return places[region].bytes;
}

bool port_region_erase(port_region region)
{
    const int32_t file = semihosting_open(files[region], SEMIHOSTING_CREATE);
    if (file < 0) {
        return false;
    }
    bool ok = write_erased(file, places[region].bytes);
    ok = semihosting_seek(file, 0) && ok;
    ok = semihosting_read(file, place(region, 0), places[region].bytes) && ok;
    semihosting_close(file);
    loaded[region] = ok;
    return ok;
}

/* Real flash can only clear bits; the emulated one is held to that, so that a driver's mistake shows here. */
static bool is_erased(port_region region, size_t offset, size_t count)
{
    const uint8_t *bytes = (const uint8_t *)place(region, offset);
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

bool port_region_write(port_region region, size_t offset, const void *bytes, size_t count)
{
    const size_t size = places[region].bytes;
    if (offset % 4 != 0 || count % 4 != 0 || offset > size || count > size - offset) {
        return false;
    }
    if (!load(region) || !is_erased(region, offset, count)) {
        return false;
    }
    if (count == 0) {
        return true;
    }

    int32_t file = semihosting_open(files[region], SEMIHOSTING_UPDATE);
    if (file < 0) {
        /* First write to flash that was never erased: the rest of its file is 0xFF. */
        if (!port_region_erase(region)) {
            return false;
        }
        file = semihosting_open(files[region], SEMIHOSTING_UPDATE);
        if (file < 0) {
            return false;
        }
    }
    bool ok = semihosting_seek(file, (uint32_t)offset) && semihosting_write(file, bytes, count);
    ok = semihosting_seek(file, (uint32_t)offset) && ok;
    ok = semihosting_read(file, place(region, offset), count) && ok;
    semihosting_close(file);
    return ok && memcmp(place(region, offset), bytes, count) == 0;
}
