/* SPDX-License-Identifier: Apache-2.0 */
/* The test pattern: ramps, a checkerboard and a disc, so that a person sees at once what a link or a driver broke. */
#ifndef GLIMPSE_APP_PATTERN_H
#define GLIMPSE_APP_PATTERN_H

#include <stdint.h>

/* Row y of a width x height pattern as RGB888, width * 3 bytes. */
void node_pattern_row(uint8_t *rgb, uint16_t width, uint16_t height, uint16_t y);

#endif
