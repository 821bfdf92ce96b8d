/* SPDX-License-Identifier: Apache-2.0 */
#include "link/at_dialect.h"

#include <stddef.h>
#include <string.h>

/* ---- LoRa-E5
   Seeed Technology, "LoRa-E5 AT Command Specification", V1.0: section 2.4 (errors) and the commands MODE, CLASS, ADR,
   DR, PORT, JOIN, MSGHEX, CMSGHEX and LW. Keys, EUIs and region are not set here: docs/modem.md. */

static const glimpse_at_setting e5_settings[] = {
    {"AT+MODE=LWOTAA", "+MODE: LWOTAA"},
    {"AT+CLASS=A", "+CLASS: "},
    {"AT+ADR=%A", "+ADR: "},
    {"AT+DR=%d", "+DR: DR"},
    {"AT+PORT=%p", "+PORT: "},
    {NULL, NULL},
};

static const char *const e5_limits[] = {"AT+LW=LEN", NULL};

/* CMSGHEX answers as MSGHEX does, under its own name: %w stands for either. */
static const glimpse_at_answer e5_answers[] = {
    {"+AT: OK", GLIMPSE_AT_OK},
    {"+%w: ERROR(", GLIMPSE_AT_ERROR},
    {"+JOIN: Network joined", GLIMPSE_AT_GOT_JOINED},
    {"+JOIN: NetID", GLIMPSE_AT_GOT_JOINED},
    {"+JOIN: Joined already", GLIMPSE_AT_JOINED},
    {"+JOIN: Join failed", GLIMPSE_AT_JOIN_FAILED},
    {"+JOIN: Not in OTAA mode", GLIMPSE_AT_ERROR},
    {"+JOIN: Start", GLIMPSE_AT_STARTED},
    {"+LW: LEN, %n", GLIMPSE_AT_LIMIT},
    {"+RESET: OK", GLIMPSE_AT_RESTARTED},
    {"+%w: LoRaWAN modem is busy", GLIMPSE_AT_BUSY},
    {"+%w: No free channel", GLIMPSE_AT_BUSY},
    {"+%w: No band in %nms", GLIMPSE_AT_WAIT},
    {"+%w: DR error", GLIMPSE_AT_RATE_TOO_SLOW},
    {"+%w: Length error %n", GLIMPSE_AT_TOO_LONG},
    {"+%w: Length error", GLIMPSE_AT_TOO_LONG},
    {"+%w: Please join network first", GLIMPSE_AT_NOT_JOINED},
    {"+%w: Start", GLIMPSE_AT_STARTED},
    {"+%w: ACK Received", GLIMPSE_AT_GOT_ACKNOWLEDGED},
    {"+%w: PORT: %p; RX: \"%x", GLIMPSE_AT_DOWNLINK},
    {"+%w: RXWIN%n, RSSI %r, SNR %s", GLIMPSE_AT_SIGNAL},
    {"+%w: Done", GLIMPSE_AT_DONE},
    {NULL, 0},
};

const glimpse_at_dialect glimpse_at_lora_e5 = {
    .name = "e5",
    .baud = 9600,
    .probe = "AT",
    .reset = "AT+RESET",
    .join = "AT+JOIN",
    .send = "AT+MSGHEX=\"%x\"",
    .send_confirmed = "AT+CMSGHEX=\"%x\"",
    .flush = "AT+MSGHEX",
    .limits = e5_limits,
    .settings = e5_settings,
    .answers = e5_answers,
};

/* ---- RAK3172
   RAKwireless, "RUI3 AT Command Manual" (docs.rakwireless.com): LoRaWAN joining and sending, asynchronous events,
   status codes. Firmware from RUI3 4 on says +EVT:TX_DONE after an unconfirmed uplink; before it, none can be used
   here. "Restricted_Wait_N_ms" comes before AT_BUSY_ERROR and is not in the manual, but in RAKwireless' published
   source (service_lora.c). Nor can a modem be asked for its limit, only for region and data rate. */

static const glimpse_at_setting rak_settings[] = {
    {"AT+NJM=1", "OK"}, {"AT+CLASS=A", "OK"}, {"AT+ADR=%a", "OK"},
    {"AT+DR=%d", "OK"}, {"AT+CFM=%c", "OK"},  {NULL, NULL},
};

static const char *const rak_limits[] = {"AT+BAND=?", "AT+DR=?", NULL};

static const glimpse_at_answer rak_answers[] = {
    {"OK", GLIMPSE_AT_OK},
    {"Restricted_Wait_%n", GLIMPSE_AT_WAIT_FOLLOWS},
    {"AT_BUSY_ERROR", GLIMPSE_AT_BUSY},
    {"AT_DUTYCYCLE_RESTRICTED", GLIMPSE_AT_BUSY},
    {"AT_NO_NETWORK_JOINED", GLIMPSE_AT_NOT_JOINED},
    {"AT_PARAM_ERROR", GLIMPSE_AT_TOO_LONG},
    {"AT_", GLIMPSE_AT_ERROR},
    {"AT+NJS=1", GLIMPSE_AT_JOINED},
    {"AT+NJS=0", GLIMPSE_AT_NOT_JOINED},
    {"AT+BAND=%n", GLIMPSE_AT_REGION},
    {"AT+DR=%n", GLIMPSE_AT_RATE},
    {"+EVT:JOINED", GLIMPSE_AT_JOINED},
    {"+EVT:JOIN_FAILED", GLIMPSE_AT_JOIN_FAILED},
    {"+EVT:JOIN FAILED", GLIMPSE_AT_JOIN_FAILED},
    {"+EVT:TX_DONE", GLIMPSE_AT_DONE},
    {"+EVT:SEND_CONFIRMED_OK", GLIMPSE_AT_DONE_ACKNOWLEDGED},
    {"+EVT:SEND_CONFIRMED_FAILED", GLIMPSE_AT_DONE},
    {"+EVT:RX_%w:%r:%s:%w:%p:%x", GLIMPSE_AT_DOWNLINK},
    {"Current Work Mode", GLIMPSE_AT_RESTARTED},
    {NULL, 0},
};

/* LoRaWAN Regional Parameters RP002, maximum payload N without a repeater. The numbers are those of AT+BAND. */
static const glimpse_at_region rak_regions[] = {
    {3, {51, 51, 51, 115, 242, 242, 0, 242}},   /* IN865 */
    {4, {51, 51, 51, 115, 242, 242, 242, 242}}, /* EU868 */
    {5, {11, 53, 125, 242, 242, 0, 0, 0}},      /* US915 */
    {6, {51, 51, 51, 115, 242, 242, 242, 0}},   /* AU915, no dwell time limit */
    {7, {51, 51, 51, 115, 242, 242, 0, 0}},     /* KR920 */
};

const glimpse_at_dialect glimpse_at_rak3172 = {
    .name = "rak3172",
    .baud = 115200,
    .probe = "AT",
    .reset = "ATZ",
    .joined = "AT+NJS=?",
    .join = "AT+JOIN=1:0:8:0",
    .send = "AT+SEND=%p:%x",
    .send_confirmed = "AT+SEND=%p:%x",
    .limits = rak_limits,
    .settings = rak_settings,
    .answers = rak_answers,
    .regions = rak_regions,
    .region_count = sizeof rak_regions / sizeof rak_regions[0],
};

const glimpse_at_dialect *glimpse_at_dialect_named(const char *name)
{
    static const glimpse_at_dialect *const all[] = {&glimpse_at_lora_e5, &glimpse_at_rak3172};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(name, all[i]->name) == 0) {
            return all[i];
        }
    }
    return NULL;
}
