/* SPDX-License-Identifier: Apache-2.0 */
/* A factor serves for a whole packet, so its products with the 2 x 16 half bytes are made anew each time: 32 bytes on
   the stack in the place of tables of 512 in flash. */
#include "core/galois.h"

enum { POLYNOMIAL = 0x11D, HALF = 16 };

uint8_t glimpse_galois_multiply(uint8_t a, uint8_t b)
{
    uint32_t product = 0;
    for (uint32_t bit = 8; bit-- > 0;) {
        product = (product << 1) ^ ((product & 0x80u) != 0 ? (uint32_t)POLYNOMIAL : 0u);
        product ^= ((uint32_t)b >> bit & 1u) != 0 ? a : 0u;
    }
    return (uint8_t)product;
}

uint8_t glimpse_galois_inverse(uint8_t a)
{
    /* a^254, as a^255 = 1 for every a but 0: the product of a^2, a^4, ... a^128. */
    uint8_t result = 1;
    for (uint32_t i = 0; i < 7; i++) {
        a = glimpse_galois_multiply(a, a);
        result = glimpse_galois_multiply(result, a);
    }
    return result;
}

void glimpse_galois_add(uint8_t factor, const uint8_t *from, size_t count, uint8_t *to)
{
    uint8_t low[HALF], high[HALF];
    for (uint32_t i = 0; i < HALF; i++) {
        low[i] = glimpse_galois_multiply(factor, (uint8_t)i);
        high[i] = glimpse_galois_multiply(factor, (uint8_t)(i << 4));
    }
    for (size_t i = 0; i < count; i++) {
        to[i] = (uint8_t)(to[i] ^ low[from[i] & 15u] ^ high[from[i] >> 4]);
    }
}
