/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic in GF(256) with the polynomial x^8 + x^4 + x^3 + x^2 + 1; addition is exclusive or. */
#ifndef GLIMPSE_CORE_GALOIS_H
#define GLIMPSE_CORE_GALOIS_H

#include <stddef.h>
#include <stdint.h>

uint8_t glimpse_galois_multiply(uint8_t a, uint8_t b);

/* 1 / a; 0 for 0. */
uint8_t glimpse_galois_inverse(uint8_t a);

/* to[i] += factor * from[i], `count` times. */
void glimpse_galois_add(uint8_t factor, const uint8_t *from, size_t count, uint8_t *to);

#endif
