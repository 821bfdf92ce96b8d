/* SPDX-License-Identifier: Apache-2.0 */
/* What the libFuzzer targets share: an input read as numbers, memory of exact size, packets whose check holds. */
#ifndef GLIMPSE_TEST_FUZZ_FUZZ_H
#define GLIMPSE_TEST_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/packet.h"
#include "core/status.h"

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                                    \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of the input; zeros behind its end. */
typedef struct {
    const uint8_t *bytes;
    size_t left;
} fuzz_input;

static inline uint32_t take_byte(fuzz_input *in)
{
    if (in->left == 0) {
        return 0;
    }
    in->left--;
    return *in->bytes++;
}

static inline uint32_t take_word(fuzz_input *in)
{
    uint32_t word = 0;
    for (uint32_t i = 0; i < 4; i++) {
        word = word << 8 | take_byte(in);
    }
    return word;
}

/* Small for half of the inputs, else anything: bounds are passed from both sides. */
static inline uint32_t take_number(fuzz_input *in)
{
    const uint32_t byte = take_byte(in);
    return byte < 128 ? byte : byte < 192 ? (byte & 63u) << 8 | take_byte(in) : take_word(in);
}

/* `size` bytes and no more, so that a sanitizer sees whoever leaves them. */
static inline uint8_t *exact(size_t size, uint8_t value)
{
    uint8_t *memory = malloc(size > 0 ? size : 1);
    MUST(memory != NULL);
    memset(memory, value, size);
    return memory;
}

static inline uint8_t *exact_copy(const uint8_t *bytes, size_t size)
{
    uint8_t *memory = exact(size, 0);
    if (size > 0) {
        memcpy(memory, bytes, size);
    }
    return memory;
}

/* The next bytes of the input, fewer at its end; `capacity` 0..255. */
static inline size_t take_bytes(fuzz_input *in, uint8_t *bytes, size_t capacity)
{
    size_t count = take_byte(in);
    count = count < capacity ? count : capacity;
    count = count < in->left ? count : in->left;
    if (count > 0) {
        memcpy(bytes, in->bytes, count);
        in->bytes += count;
        in->left -= count;
    }
    return count;
}

/* The check at the end made right: a fuzzer would rarely guess it. */
static inline void put_check(uint8_t *packet, size_t length)
{
    if (length >= GLIMPSE_OVERHEAD_BYTES) {
        glimpse_packet_close(packet, length - GLIMPSE_OVERHEAD_BYTES);
    }
}

/* A packet of this header with a body out of the input; returns its length, at most `most`. */
static inline size_t take_packet(fuzz_input *in, const glimpse_header *header, uint8_t *packet, size_t most)
{
    glimpse_header_write(header, packet);
    const size_t body = take_bytes(in, packet + GLIMPSE_HEADER_BYTES, most - GLIMPSE_OVERHEAD_BYTES);
    put_check(packet, body + GLIMPSE_OVERHEAD_BYTES);
    return body + GLIMPSE_OVERHEAD_BYTES;
}

#endif
