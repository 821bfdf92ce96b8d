/* SPDX-License-Identifier: Apache-2.0 */
/* AT modems, answer by answer. The dialogues are those that the vendors' documents and the modems' users have
   published (link/at_dialect.c says where), put together by hand; none was recorded for this test. */
#include <string.h>

#include "core/packet.h"
#include "core/region.h"
#include "core/status.h"
#include "link/at_modem.h"
#include "test/at_line.h"
#include "test/check.h"

/* ---- LoRa-E5 */

static void e5_sets_itself_up(void)
{
    answers("AT", "+AT: OK\r\n");
    answers("AT+MODE=LWOTAA", "+MODE: LWOTAA\r\n");
    answers("AT+CLASS=A", "+CLASS: A\r\n");
    answers("AT+ADR=ON", "+ADR: ON\r\n");
    answers("AT+DR=3", "+DR: DR3\r\n+DR: EU868 DR3  SF9 BW125K \r\n");
    answers("AT+PORT=8", "+PORT: 8\r\n");
}

static void e5_joins(void)
{
    e5_sets_itself_up();
    asks("AT+JOIN");
    later(7000);
    comes("+JOIN: Start\r\n+JOIN: NORMAL\r\n+JOIN: Network joined\r\n+JOIN: NetID 000013 DevAddr 26:01:5F:66\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    comes("+JOIN: Done\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_JOINED, polled());
    answers("AT+LW=LEN", "+LW: LEN, 115\r\n");
    is_ready(115);
}

static const char *const e5_packet = "AT+MSGHEX=\"4B08000169C6DB6DBAD375\"";

static void e5_joins_and_sends(void)
{
    begin(&glimpse_at_lora_e5, false);
    e5_joins();
    sends();
    answers(e5_packet, "+MSGHEX: Done\r\n"); /* of something before: this packet has not even started */
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    comes("+MSGHEX: Start\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    later(1500);
    comes("+MSGHEX: Done\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_SENT, polled());
    answers("AT+LW=LEN", "+LW: LEN, 49\r\n"); /* the network has changed the data rate, and an answer takes two bytes */
    is_ready(49);
    CHECK_EQUAL(1, modem.uplinks);
}

static void e5_takes_downlinks_and_acknowledgements(void)
{
    begin(&glimpse_at_lora_e5, true);
    e5_joins();
    sends();
    answers("AT+CMSGHEX=\"4B08000169C6DB6DBAD375\"",
            "+CMSGHEX: Start\r\n+CMSGHEX: Wait ACK\r\n+CMSGHEX: FPENDING\r\n+CMSGHEX: ACK Received\r\n"
            "+CMSGHEX: PORT: 15; RX: \"48656C6C6F\"\r\n+CMSGHEX: RXWIN1, RSSI -43, SNR 10.0\r\n+CMSGHEX: Done\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_DOWNLINK, polled());
    CHECK_EQUAL(15, event.port);
    CHECK_EQUAL(5, event.count);
    CHECK_BYTES("Hello", event.bytes, 5);
    CHECK_EQUAL(GLIMPSE_LINK_ACKNOWLEDGED, polled());
    CHECK_EQUAL(-43, modem.rssi);
    CHECK_EQUAL(10, modem.snr);
    answers("AT+LW=LEN", "+LW: LEN, 115\r\n");
    is_ready(115);
    sends(); /* what was acknowledged before says nothing of this one */
    answers("AT+CMSGHEX=\"4B08000169C6DB6DBAD375\"", "+CMSGHEX: Start\r\n+CMSGHEX: Wait ACK\r\n+CMSGHEX: Done\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_SENT, polled());
}

static void fails(glimpse_link_reason reason, uint32_t wait)
{
    CHECK_EQUAL(GLIMPSE_LINK_FAILED, polled());
    CHECK_EQUAL(reason, event.reason);
    CHECK_EQUAL(wait, event.wait);
    CHECK_EQUAL(0, glimpse_link_payload(LINK_OF_MODEM));
}

static void e5_refuses_for_a_time(void)
{
    begin(&glimpse_at_lora_e5, false);
    e5_joins();
    sends();
    answers(e5_packet, "+MSGHEX: No band in 13469ms\r\n");
    fails(GLIMPSE_LINK_BUSY, 13469);
    CHECK_EQUAL(13469, glimpse_link_wait(LINK_OF_MODEM, now));
    CHECK_EQUAL(GLIMPSE_ERROR_STATE, glimpse_link_send(LINK_OF_MODEM, now, packet, sizeof packet));
    later(13468);
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    CHECK_EQUAL(0, line.out_count);
    later(1);
    answers("AT+LW=LEN", "+LW: LEN, 51\r\n");
    is_ready(51);
    sends();
    answers(e5_packet, "+MSGHEX: LoRaWAN modem is busy\r\n");
    fails(GLIMPSE_LINK_BUSY, GLIMPSE_AT_BUSY_PAUSE);
    later(GLIMPSE_AT_BUSY_PAUSE);
    answers("AT+LW=LEN", "+LW: LEN, 51\r\n");
    is_ready(51);
    sends();
    answers(e5_packet, "+MSGHEX: Length error 9\r\n");
    fails(GLIMPSE_LINK_TOO_LONG, GLIMPSE_AT_BUSY_PAUSE);
    later(GLIMPSE_AT_BUSY_PAUSE);
    /* No image packet is that short. An uplink without payload takes the MAC commands away that are in the way. */
    answers("AT+LW=LEN", "+LW: LEN, 9\r\n");
    answers("AT+MSGHEX", "+MSGHEX: Start\r\n+MSGHEX: Done\r\n");
    answers("AT+LW=LEN", "+LW: LEN, 11\r\n");
    is_ready(11);
    CHECK_EQUAL(0, modem.uplinks);
}

static void e5_joins_again_when_the_session_is_gone(void)
{
    begin(&glimpse_at_lora_e5, false);
    e5_joins();
    sends();
    answers(e5_packet, "+MSGHEX: Please join network first\r\n");
    fails(GLIMPSE_LINK_NOT_JOINED, 0);
    CHECK_EQUAL(GLIMPSE_LINK_LOST, polled());
    CHECK_EQUAL(GLIMPSE_LINK_NOT_JOINED, event.reason);
    answers("AT+MODE=LWOTAA", "+MODE: LWOTAA\r\n");
    answers("AT+CLASS=A", "+CLASS: A\r\n");
    answers("AT+ADR=ON", "+ADR: ERROR(-12)\r\n"); /* what cannot be set stays as it is */
    answers("AT+DR=3", "+DR: ERROR(-1)\r\n");
    answers("AT+PORT=8", "+PORT: 8\r\n");
    answers("AT+JOIN", "+JOIN: Start\r\n+JOIN: NORMAL\r\n+JOIN: Join failed\r\n+JOIN: Done\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    CHECK(glimpse_link_wait(LINK_OF_MODEM, now) >= GLIMPSE_AT_FIRST_REJOIN);
    later(glimpse_link_wait(LINK_OF_MODEM, now));
    answers("AT+JOIN", "+JOIN: Joined already\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_JOINED, polled());
    CHECK_EQUAL(2, modem.refusals);
}

static void the_rate_is_the_modems_where_none_is_given(void)
{
    begin(&glimpse_at_lora_e5, false);
    glimpse_at_config config = modem.config;
    config.reset = true;
    config.adaptive = false;
    config.data_rate = GLIMPSE_AT_KEEP_RATE;
    clear_line();
    CHECK_EQUAL(GLIMPSE_OK, glimpse_at_modem_begin(&modem, &config, now));
    answers("AT+RESET", "+RESET: OK\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    later(glimpse_link_wait(LINK_OF_MODEM, now));
    answers("AT", "+AT: OK\r\n");
    answers("AT+MODE=LWOTAA", "+MODE: LWOTAA\r\n");
    answers("AT+CLASS=A", "+CLASS: A\r\n");
    answers("AT+ADR=OFF", "+ADR: OFF\r\n");
    answers("AT+PORT=8", "+PORT: 8\r\n");
    asks("AT+JOIN");
}

/* ---- RAK3172 */

static void rak_sets_itself_up(void)
{
    answers("AT", "\r\nOK\r\n");
    answers("AT+NJM=1", "\r\nOK\r\n");
    answers("AT+CLASS=A", "\r\nOK\r\n");
    answers("AT+ADR=1", "\r\nOK\r\n");
    answers("AT+DR=3", "\r\nOK\r\n");
    answers(modem.config.confirmed ? "AT+CFM=1" : "AT+CFM=0", "\r\nOK\r\n");
}

static void rak_tells_its_limit(const char *band, const char *rate, size_t payload)
{
    answers("AT+BAND=?", band);
    answers("AT+DR=?", rate);
    is_ready(payload);
}

static void rak_joins(void)
{
    rak_sets_itself_up();
    answers("AT+NJS=?", "AT+NJS=0\r\n\r\nOK\r\n");
    answers("AT+JOIN=1:0:8:0", "\r\nOK\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    later(6000);
    comes("+EVT:JOINED\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_JOINED, polled());
    rak_tells_its_limit("AT+BAND=4\r\n\r\nOK\r\n", "AT+DR=3\r\n\r\nOK\r\n", 115);
}

static const char *const rak_packet = "AT+SEND=8:4B08000169C6DB6DBAD375";

static void rak_joins_and_sends(void)
{
    begin(&glimpse_at_rak3172, false);
    rak_joins();
    sends();
    answers(rak_packet, "\r\nOK\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    later(2000);
    comes("+EVT:TX_DONE\r\n+EVT:RX_1:-70:8:UNICAST:1:0102\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_SENT, polled());
    CHECK_EQUAL(GLIMPSE_LINK_DOWNLINK, polled()); /* after the packet's end: it is taken in any state */
    CHECK_EQUAL(1, event.port);
    CHECK_EQUAL(2, event.count);
    CHECK_BYTES("\x01\x02", event.bytes, 2);
    CHECK_EQUAL(-70, modem.rssi);
    CHECK_EQUAL(8, modem.snr);
    rak_tells_its_limit("AT+BAND=5\r\n\r\nOK\r\n", "AT+DR=1\r\n\r\nOK\r\n", 53);
}

/* What the driver takes for a limit and what the node plans its airtime by, each for the regions that it knows. */
static void limits_are_those_of_the_regions(void)
{
    static const char *const names[] = {[4] = "EU868", [5] = "US915"};
    uint32_t compared = 0;
    for (uint32_t i = 0; i < glimpse_at_rak3172.region_count; i++) {
        const glimpse_at_region *limits = &glimpse_at_rak3172.regions[i];
        if (limits->number >= sizeof names / sizeof names[0] || names[limits->number] == NULL) {
            continue;
        }
        const glimpse_region *region = glimpse_region_named(names[limits->number]);
        for (uint32_t rate = 0; rate < GLIMPSE_AT_MAX_RATES; rate++) {
            CHECK_EQUAL(glimpse_region_payload(region, rate, 0, false), limits->payload[rate]);
        }
        compared++;
    }
    CHECK_EQUAL(2, compared);
}

static void rak_is_joined_already(void)
{
    begin(&glimpse_at_rak3172, true);
    rak_sets_itself_up();
    answers("AT+NJS=?", "AT+NJS=1\r\n\r\nOK\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_JOINED, polled());
    rak_tells_its_limit("AT+BAND=99\r\n\r\nOK\r\n", "AT+DR=5\r\n\r\nOK\r\n", GLIMPSE_MIN_PAYLOAD); /* who knows */
    sends();
    answers(rak_packet, "\r\nOK\r\n+EVT:SEND_CONFIRMED_OK\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_ACKNOWLEDGED, polled());
    rak_tells_its_limit("AT+BAND=4\r\n\r\nOK\r\n", "AT+DR=7\r\n\r\nOK\r\n", 242);
    sends();
    answers(rak_packet, "\r\nOK\r\n+EVT:SEND_CONFIRMED_FAILED(4)\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_SENT, polled());
}

static void rak_refuses_for_a_time(void)
{
    begin(&glimpse_at_rak3172, false);
    rak_joins();
    sends();
    answers(rak_packet, "Restricted_Wait_3343902_ms\r\n\r\nAT_BUSY_ERROR\r\n");
    fails(GLIMPSE_LINK_BUSY, 3343902);
    later(3343902);
    rak_tells_its_limit("AT+BAND=4\r\n\r\nOK\r\n", "AT+DR=3\r\n\r\nOK\r\n", 115);
    sends();
    answers(rak_packet, "\r\nAT_BUSY_ERROR\r\n"); /* what was announced before is over */
    fails(GLIMPSE_LINK_BUSY, GLIMPSE_AT_BUSY_PAUSE);
}

/* What is told to whoever sends is what the driver itself keeps to. */
static void no_modem_silences_a_node_for_more_than_a_day(void)
{
    begin(&glimpse_at_lora_e5, false);
    e5_joins();
    sends();
    answers(e5_packet, "+MSGHEX: No band in 999999999ms\r\n");
    fails(GLIMPSE_LINK_BUSY, GLIMPSE_AT_LONGEST_WAIT);
    CHECK_EQUAL(GLIMPSE_AT_LONGEST_WAIT, glimpse_link_wait(LINK_OF_MODEM, now));
}

static void rak_keeps_room_for_mac_commands_once_a_packet_was_too_long(void)
{
    begin(&glimpse_at_rak3172, false);
    rak_joins();
    sends();
    answers(rak_packet, "\r\nAT_PARAM_ERROR\r\n");
    fails(GLIMPSE_LINK_TOO_LONG, GLIMPSE_AT_BUSY_PAUSE);
    comes("+EVT:TX_DONE\r\n"); /* of the empty frame that the modem sends by itself */
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    later(GLIMPSE_AT_BUSY_PAUSE);
    rak_tells_its_limit("AT+BAND=4\r\n\r\nOK\r\n", "AT+DR=3\r\n\r\nOK\r\n", 100);
    sends();
    answers(rak_packet, "\r\nOK\r\n+EVT:TX_DONE\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_SENT, polled());
    rak_tells_its_limit("AT+BAND=4\r\n\r\nOK\r\n", "AT+DR=3\r\n\r\nOK\r\n", 115);
}

static void a_restart_in_the_middle_of_a_packet(void)
{
    begin(&glimpse_at_rak3172, false);
    rak_joins();
    sends();
    asks(rak_packet);
    comes("\r\nOK\r\nRAKwireless RAK3172 Example\r\n------\r\nCurrent Work Mode: LoRaWAN.\r\n");
    fails(GLIMPSE_LINK_RESTARTED, 0);
    CHECK_EQUAL(GLIMPSE_LINK_LOST, polled());
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    later(glimpse_link_wait(LINK_OF_MODEM, now));
    rak_joins();
}

/* ---- limits, times, bytes */

static void packets_have_limits(void)
{
    uint8_t longest[GLIMPSE_MAX_PAYLOAD + 1] = {0};
    begin(&glimpse_at_lora_e5, false);
    CHECK_EQUAL(0, glimpse_link_payload(LINK_OF_MODEM));
    CHECK_EQUAL(GLIMPSE_ERROR_STATE, glimpse_link_send(LINK_OF_MODEM, now, packet, sizeof packet));
    e5_joins();
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, glimpse_link_send(LINK_OF_MODEM, now, packet, 0));
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, glimpse_link_send(LINK_OF_MODEM, now, longest, 116));
    sends();
    answers(e5_packet, "+MSGHEX: Start\r\n+MSGHEX: Done\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_SENT, polled());
    answers("AT+LW=LEN", "+LW: LEN, 999\r\n");
    is_ready(GLIMPSE_MAX_PAYLOAD);
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, glimpse_link_send(LINK_OF_MODEM, now, longest, sizeof longest));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_link_send(LINK_OF_MODEM, now, longest, GLIMPSE_MAX_PAYLOAD));
    CHECK_EQUAL(strlen("AT+MSGHEX=\"\"\r\n") + 2 * GLIMPSE_MAX_PAYLOAD, line.out_count);
    glimpse_at_config config = modem.config;
    config.port = 224;
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_at_modem_begin(&modem, &config, now));
    config.port = 0;
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_at_modem_begin(&modem, &config, now));
    CHECK(glimpse_at_dialect_named("hayes") == NULL);
    CHECK(glimpse_at_dialect_named("rak3172") == &glimpse_at_rak3172);
}

static void the_longest_downlink_fits_and_impossible_ones_are_dropped(void)
{
    static char text[2 * GLIMPSE_AT_LINE];
    begin(&glimpse_at_lora_e5, false);
    e5_joins();
    for (size_t count = GLIMPSE_MAX_PAYLOAD - 1; count <= GLIMPSE_MAX_PAYLOAD + 1; count++) {
        size_t at = strlen(strcpy(text, "+MSGHEX: PORT: 223; RX: \""));
        memset(text + at, 'f', 2 * count);
        strcpy(text + at + 2 * count, "\"\r\n");
        comes(text);
        CHECK_EQUAL(count <= GLIMPSE_MAX_PAYLOAD ? GLIMPSE_LINK_DOWNLINK : GLIMPSE_LINK_NOTHING, polled());
        CHECK_EQUAL(count <= GLIMPSE_MAX_PAYLOAD ? count : 0, event.count);
    }
    comes("+MSGHEX: PORT: 0; RX: \"01\"\r\n+MSGHEX: PORT: 300; RX: \"01\"\r\n+MSGHEX: PORT: 1; RX: \"\"\r\n"
          "+MSGHEX: PORT: 1; RX: \"012\"\r\n+MSGHEX: PORT: 1; RX: \"0g\"\r\n+MSGHEX: PORT: 1; R\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    comes("+MSGHEX: PORT: 2; RX: \"14 54 54\"\r\n"); /* older firmware puts spaces */
    CHECK_EQUAL(GLIMPSE_LINK_DOWNLINK, polled());
    CHECK_EQUAL(3, event.count);
    CHECK_BYTES("\x14\x54\x54", event.bytes, 3);
}

static void a_slow_line_takes_the_command_in_pieces(void)
{
    begin(&glimpse_at_lora_e5, false);
    e5_joins();
    line.room = 3;
    sends();
    for (int i = 0; i < 30 && modem.out_written < modem.out_count; i++) {
        CHECK_EQUAL(1, glimpse_link_wait(LINK_OF_MODEM, now));
        CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
        later(1);
    }
    asks(e5_packet);
}

static void a_line_that_never_ends_holds_nobody(void)
{
    begin(&glimpse_at_lora_e5, false);
    line.endless = true;
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    CHECK_EQUAL(0, glimpse_link_wait(LINK_OF_MODEM, now));
    line.out_count = 0;
    for (int i = 0; i < 100; i++) {
        later(1000);
        CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    }
    CHECK(modem.timeouts > 2);
}

static void silence_is_told_and_asked_again(void)
{
    now = 0xFFFFF000u; /* the clock wraps in the middle */
    begin(&glimpse_at_lora_e5, false);
    e5_joins();
    sends();
    asks(e5_packet);
    later(GLIMPSE_AT_SEND_TIME - 1);
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    later(1);
    fails(GLIMPSE_LINK_SILENT, 0);
    uint32_t lost = 0;
    for (uint32_t passed = 0; passed < 3600000 && modem.timeouts < 20;) {
        const uint32_t wait = glimpse_link_wait(LINK_OF_MODEM, now);
        CHECK(wait > 0 && wait <= 60000);
        later(wait);
        passed += wait;
        lost += polled() == GLIMPSE_LINK_LOST ? 1u : 0u;
    }
    CHECK_EQUAL(20, modem.timeouts);
    CHECK_EQUAL(1, lost);
    line.out_count = 0;
    while (line.out_count == 0) {
        later(glimpse_link_wait(LINK_OF_MODEM, now));
        CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    }
    e5_joins();
}

static void a_modem_that_has_lost_its_way_is_reset(void)
{
    begin(&glimpse_at_lora_e5, false);
    e5_joins();
    for (int i = 0; i < 3; i++) {
        sends();
        asks(e5_packet);
        later(GLIMPSE_AT_SEND_TIME);
        fails(GLIMPSE_LINK_SILENT, 0);
        if (i < 2) {
            CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
            later(glimpse_link_wait(LINK_OF_MODEM, now));
            answers("AT", "+AT: OK\r\n");
            answers("AT+LW=LEN", "+LW: LEN, 51\r\n");
            is_ready(51);
        }
    }
    CHECK_EQUAL(GLIMPSE_LINK_LOST, polled());
    answers("AT+RESET", "+RESET: OK\r\n");
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    later(glimpse_link_wait(LINK_OF_MODEM, now));
    e5_joins();
}

/* LoRaWAN 1.0.3, section 7: air time of join requests that nobody hears, at SF12 (1.483 s each). */
static void join_requests_keep_to_their_share(void)
{
    enum { JOIN_AIR = 1483 };
    uint64_t spent = 0;
    uint64_t passed = 0;
    uint64_t air[3] = {0}; /* first hour, the next ten, the day after */
    begin(&glimpse_at_lora_e5, false);
    e5_sets_itself_up();
    while (passed < 35ull * 3600000) {
        asks("AT+JOIN");
        spent = passed < 3600000 ? 0 : passed < 11ull * 3600000 ? 1 : 2;
        air[spent] += JOIN_AIR;
        comes("+JOIN: Start\r\n+JOIN: NORMAL\r\n+JOIN: Join failed\r\n+JOIN: Done\r\n");
        CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
        passed += glimpse_link_wait(LINK_OF_MODEM, now);
        later(glimpse_link_wait(LINK_OF_MODEM, now));
    }
    CHECK(air[0] >= 5 * JOIN_AIR && air[0] <= 36000);
    CHECK(air[1] >= JOIN_AIR && air[1] <= 36000);
    CHECK(air[2] >= JOIN_AIR && air[2] <= 8700);
}

int main(void)
{
    check_begin();
    CHECK_RUN(e5_joins_and_sends);
    CHECK_RUN(e5_takes_downlinks_and_acknowledgements);
    CHECK_RUN(e5_refuses_for_a_time);
    CHECK_RUN(e5_joins_again_when_the_session_is_gone);
    CHECK_RUN(the_rate_is_the_modems_where_none_is_given);
    CHECK_RUN(rak_joins_and_sends);
    CHECK_RUN(limits_are_those_of_the_regions);
    CHECK_RUN(rak_is_joined_already);
    CHECK_RUN(rak_refuses_for_a_time);
    CHECK_RUN(no_modem_silences_a_node_for_more_than_a_day);
    CHECK_RUN(rak_keeps_room_for_mac_commands_once_a_packet_was_too_long);
    CHECK_RUN(a_restart_in_the_middle_of_a_packet);
    CHECK_RUN(packets_have_limits);
    CHECK_RUN(the_longest_downlink_fits_and_impossible_ones_are_dropped);
    CHECK_RUN(a_slow_line_takes_the_command_in_pieces);
    CHECK_RUN(a_line_that_never_ends_holds_nobody);
    CHECK_RUN(silence_is_told_and_asked_again);
    CHECK_RUN(a_modem_that_has_lost_its_way_is_reset);
    CHECK_RUN(join_requests_keep_to_their_share);
    return check_end();
}
