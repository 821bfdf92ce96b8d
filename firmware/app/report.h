/* SPDX-License-Identifier: Apache-2.0 */
/* What a node says of itself, over whatever line: one count of telemetry packets for all. */
#ifndef GLIMPSE_APP_REPORT_H
#define GLIMPSE_APP_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "app/settings.h"
#include "core/telemetry.h"

/* A photo was taken; trigger: glimpse_trigger. */
void report_photo(uint8_t frame, uint8_t trigger);

/* How a downlink came. rssi: dBm; snr: dB. */
void report_signal(uint32_t data_rate, int rssi, int snr);

/* Of the fields that `which` names (GLIMPSE_PRESENT), those that are known; all ones: everything. */
void report_begin(glimpse_telemetry *report, const node_settings *settings, uint32_t which);

/* As glimpse_telemetry_write. */
int report_next(glimpse_telemetry *report, size_t payload, uint8_t *packet);

/* The last packet did not leave; present: that of the report before it. */
void report_take_back(glimpse_telemetry *report, uint32_t present);

#endif
