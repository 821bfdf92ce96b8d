/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that an interrupt took from the line and the program has not read yet. One writer, one reader. */
#ifndef GLIMPSE_PORTS_SERIAL_RING_H
#define GLIMPSE_PORTS_SERIAL_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIAL_RING_BYTES 512u /* a power of two; 44 ms of line at 115200 baud */

typedef struct {
    volatile uint32_t written; /* both count up for ever and wrap at 2^32 */
    volatile uint32_t taken;
    uint8_t bytes[SERIAL_RING_BYTES];
} serial_ring;

static inline bool serial_ring_full(const serial_ring *ring)
{
    return ring->written - ring->taken >= SERIAL_RING_BYTES;
}

/* The caller has seen that the ring is not full. */
static inline void serial_ring_put(serial_ring *ring, uint8_t byte)
{
    ring->bytes[ring->written % SERIAL_RING_BYTES] = byte;
    __asm__ volatile("" ::: "memory"); /* the byte before its count */
    ring->written++;
}

static inline size_t serial_ring_take(serial_ring *ring, uint8_t *bytes, size_t capacity)
{
    size_t count = 0;
    while (count < capacity && ring->taken != ring->written) {
        bytes[count++] = ring->bytes[ring->taken % SERIAL_RING_BYTES];
        __asm__ volatile("" ::: "memory");
        ring->taken++;
    }
    return count;
}

static inline bool serial_ring_empty(const serial_ring *ring)
{
    return ring->written == ring->taken;
}

static inline void serial_ring_clear(serial_ring *ring)
{
    ring->written = 0;
    ring->taken = 0;
}

#endif
