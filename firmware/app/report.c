/* SPDX-License-Identifier: Apache-2.0 */
#include "app/report.h"

#include "app/remote.h"
#include "ports/port.h"

static glimpse_telemetry known; /* `present` names what has been known since the start */
static uint64_t taken_at;       /* milliseconds */

void report_photo(uint8_t frame, uint8_t trigger)
{
    known.frame = frame;
    known.trigger = trigger;
    known.present |= GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_TRIGGER) | GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_AGE);
    taken_at = port_millis();
}

void report_signal(uint32_t data_rate, int rssi, int snr)
{
    known.data_rate = (uint8_t)data_rate;
    known.rssi = (int16_t)(rssi > 0 ? 0 : rssi < -255 ? -255 : rssi);
    known.snr = (int8_t)(4 * (snr < -32 ? -32 : snr > 31 ? 31 : snr));
    known.present |= GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_LINK);
}

void report_begin(glimpse_telemetry *report, const node_settings *settings, uint32_t which)
{
    *report = known;
    report->present &= which;
    remote_describe(settings, which, report);
}

int report_next(glimpse_telemetry *report, size_t payload, uint8_t *packet)
{
    const uint64_t age = (port_millis() - taken_at) / 1000u;
    report->age = (uint16_t)(age < UINT16_MAX ? age : UINT16_MAX);
    report->number = known.number;
    const int length = glimpse_telemetry_write(report, payload, packet);
    known.number = report->number;
    return length;
}

void report_take_back(glimpse_telemetry *report, uint32_t present)
{
    report->present |= present;
    known.number = (known.number - 1u) & GLIMPSE_MAX_SEQUENCE;
}
