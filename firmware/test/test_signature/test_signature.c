/* SPDX-License-Identifier: Apache-2.0 */
/* What a node checks a sent model with: a signature made on the host, whatever is not one, and what that costs. */
#include "monocypher.h"
#include "test/check.h"

enum { MESSAGE_BYTES = 32768, INSTRUCTIONS = 3600000, STACK_BYTES = 2048 };

/* glimpse.binding.signing of the seed 0, 1, .., 31 and the message below. */
static const uint8_t owner[32] = {
    0xF6, 0x53, 0x33, 0xFA, 0x63, 0x03, 0xB6, 0xA2, 0x3D, 0xEF, 0xD7, 0xDE, 0x2A, 0xF8, 0xAA, 0x46,
    0x1C, 0xB0, 0x47, 0xCC, 0xBF, 0x12, 0xD4, 0xED, 0xD2, 0x9E, 0xF3, 0xB1, 0xEB, 0xA6, 0x70, 0x6B,
};
static const uint8_t sound[64] = {
    0x6C, 0x15, 0xBC, 0x2B, 0x5D, 0x27, 0xE9, 0x1A, 0x36, 0x9B, 0xB0, 0xB9, 0x43, 0x49, 0x24, 0xEA,
    0x63, 0xB7, 0x27, 0xD4, 0xFD, 0x1D, 0x18, 0x2F, 0x76, 0xA6, 0x0F, 0x91, 0x63, 0x9E, 0x13, 0x03,
    0x10, 0x8B, 0x51, 0x4B, 0x8A, 0xA7, 0x36, 0x6B, 0xF0, 0x59, 0xAB, 0xBC, 0xF2, 0x8E, 0xD8, 0x41,
    0x66, 0xCF, 0xEB, 0x77, 0xB3, 0x2E, 0x11, 0xFD, 0xF8, 0x1D, 0xE2, 0x15, 0xD6, 0x5B, 0x06, 0x02,
};
static uint8_t message[MESSAGE_BYTES];

static void write_message(void)
{
    for (uint32_t i = 0; i < sizeof message; i++) {
        message[i] = (uint8_t)(i * 7u + i / 256u);
    }
}

static void a_model_signed_on_the_host_holds(void)
{
    write_message();
    const uint32_t start = port_counter();
    CHECK_EQUAL(0, crypto_eddsa_check(sound, owner, message, sizeof message));
    const uint32_t ticks = port_counter() - start;
    const port_counter_unit *const unit = port_get_counter_unit();
    if (unit->unit[0] == 'i') {
        const uint32_t count = (uint32_t)((uint64_t)ticks * unit->numerator / unit->denominator);
        check_note("instructions", count);
        check_note("bytes of stack", (uint32_t)port_stack_peak());
        CHECK(count > 0 && count <= INSTRUCTIONS);
        CHECK(port_stack_peak() <= STACK_BYTES);
    }
}

static void a_changed_bit_does_not(void)
{
    uint8_t changed[64];
    write_message();
    for (uint32_t at = 0; at < 8 * sizeof changed; at += 73) {
        memcpy(changed, sound, sizeof changed);
        changed[at / 8] ^= (uint8_t)(1u << at % 8);
        CHECK(crypto_eddsa_check(changed, owner, message, sizeof message) != 0);
    }
    message[MESSAGE_BYTES - 1] ^= 0x80;
    CHECK(crypto_eddsa_check(sound, owner, message, sizeof message) != 0);
    CHECK(crypto_eddsa_check(sound, sound, message, sizeof message) != 0);
}

int main(void)
{
    check_begin();
    CHECK_RUN(a_model_signed_on_the_host_holds);
    CHECK_RUN(a_changed_bit_does_not);
    return check_end();
}
