/* SPDX-License-Identifier: Apache-2.0 */
/* The serial line, and the pattern that a node without a camera sends. What Python uses of these headers, as cffi reads it. */
#include "core/serial.h"
#include "app/pattern.h"

void node_pattern_row(uint8_t *rgb, uint16_t width, uint16_t height, uint16_t y);
size_t glimpse_serial_bound(size_t payload);
int glimpse_serial_encode(const uint8_t *payload, size_t count, uint8_t *line, size_t capacity);
