/* SPDX-License-Identifier: Apache-2.0 */
/* Parity packets. What Python uses of these headers, as cffi reads it. */
#include "core/galois.h"
#include "core/parity.h"
#include "core/protection.h"

uint8_t glimpse_galois_multiply(uint8_t a, uint8_t b);
uint8_t glimpse_galois_inverse(uint8_t a);
void glimpse_galois_add(uint8_t factor, const uint8_t *from, size_t count, uint8_t *to);

#define GLIMPSE_PARITY_MEMBERS ...
#define GLIMPSE_PARITY_PACKETS ...
uint8_t glimpse_parity_factor(uint32_t index, uint32_t member);
size_t glimpse_parity_room(size_t payload, uint32_t members, bool scattered);
typedef struct {
    glimpse_header header; uint8_t index; uint8_t members; uint8_t shift; uint16_t place[...]; uint8_t number[...];
    uint16_t word_at; uint16_t word_length;
    ...;
} glimpse_parity_view;
int glimpse_parity_read(const uint8_t *packet, size_t length, glimpse_parity_view *view);
int glimpse_parity_word(const uint8_t *packet, size_t length, uint8_t *word);
int glimpse_parity_packet(const glimpse_parity_view *view, uint32_t place, const uint8_t *word, uint8_t *packet);

typedef struct { uint8_t packets; uint8_t parity; } glimpse_protection_rule;
typedef struct { ...; } glimpse_protection;
int glimpse_protection_begin(glimpse_protection *protection, const glimpse_protection_rule *rules, uint32_t count,
                             bool scattered, uint8_t *words, size_t size);
size_t glimpse_protection_room(const glimpse_protection *protection, size_t payload);
int glimpse_protection_sent(glimpse_protection *protection, const uint8_t *packet, size_t length, size_t payload);
void glimpse_protection_end(glimpse_protection *protection);
int glimpse_protection_next(glimpse_protection *protection, size_t payload, uint8_t *packet);
