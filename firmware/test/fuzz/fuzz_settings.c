/* SPDX-License-Identifier: Apache-2.0 */
/* A node's settings from hostile flash. What must hold: whatever lies there, the settings are in their ranges, and
   reading changes nothing; what is reported as saved is what the next start finds. */
#include "test/fuzz/fuzz_flash.h"

enum { SAVES = 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    node_settings seen, kept;
    take_flash(&in);
    if ((take_byte(&in) & 1u) != 0) { /* and bytes that nobody wrote */
        const uint32_t which = take_byte(&in) & 1u;
        (void)take_bytes(&in, regions[which] + take_byte(&in), 100);
    }
    node_settings_load(&kept);
    check_settings(&kept);
    node_settings_load(&seen);
    MUST(same_settings(&seen, &kept));
    for (uint32_t i = 0; i < SAVES && in.left > 0; i++) {
        node_settings next = kept;
        next.boots += take_byte(&in);
        next.next_frame = (uint8_t)(take_byte(&in) & GLIMPSE_MAX_FRAME);
        next.security.reserved = take_number(&in);
        flash_faults = take_byte(&in) >> 4;
        if (node_settings_save(&next)) {
            kept = next;
        }
        flash_faults = 0;
        node_settings_load(&seen);
        check_settings(&seen);
        MUST(same_settings(&seen, &kept));
    }
    release_flash();
    return 0;
}
