/* SPDX-License-Identifier: Apache-2.0 */
/* Links: modems that say anything at all, the patterns that read them, and a wire. */
#include <string.h>

#include "core/packet.h"
#include "core/status.h"
#include "link/at_modem.h"
#include "link/at_text.h"
#include "link/serial_link.h"
#include "test/at_line.h"
#include "test/check.h"
#include "test/random.h"

/* ---- hostile modems */

static const char *const scraps[] = {
    "+AT: OK",
    "+MODE: LWOTAA",
    "+CLASS: A",
    "+ADR: ON",
    "+DR: DR3",
    "+PORT: 8",
    "+JOIN: Start",
    "+JOIN: Done",
    "+JOIN: Network joined",
    "+JOIN: Join failed",
    "+LW: LEN, ",
    "+LW: LEN, 51",
    "+LW: LEN, -3",
    "+LW: LEN, 99999999999",
    "+MSGHEX: Start",
    "+MSGHEX: Done",
    "+MSGHEX: No band in ",
    "+MSGHEX: No band in 999999999ms",
    "+MSGHEX: Length error 5",
    "+MSGHEX: PORT: 1; RX: \"0102",
    "+MSGHEX: ACK Received",
    "+MSGHEX: RXWIN1, RSSI -999999999, SNR 300",
    "+X: ERROR(-1)",
    "+MSGHEX: Please join network first",
    "+RESET: OK",
    "+MSGHEX: LoRaWAN modem is busy",
    "OK",
    "AT_PARAM_ERROR",
    "AT_BUSY_ERROR",
    "AT_NO_NETWORK_JOINED",
    "Restricted_Wait_99_ms",
    "AT+NJS=1",
    "AT+BAND=4",
    "AT+DR=3",
    "AT+DR=-4",
    "AT+BAND=-2147483648",
    "+EVT:JOINED",
    "+EVT:JOIN_FAILED_RX_TIMEOUT",
    "+EVT:TX_DONE",
    "+EVT:SEND_CONFIRMED_OK",
    "+EVT:RX_1:-70:8:UNICAST:1:0102",
    "+EVT:RX_1:-70:8:UNICAST:",
    "+EVT:RX_",
    "Current Work Mode: LoRaWAN.",
    "\r\n",
    "\"",
    ":",
};

static void babble(void)
{
    char bytes[64];
    const uint32_t kind = random_below(8);
    if (kind < 6) {
        const char *scrap = scraps[random_below(sizeof scraps / sizeof scraps[0])];
        const size_t count = random_below(4) == 0 ? random_below((uint32_t)strlen(scrap) + 1) : strlen(scrap);
        memcpy(bytes, scrap, count);
        bytes[count] = 0;
        comes(bytes);
        comes(random_below(8) == 0 ? "" : "\r\n");
    } else if (kind == 6) {
        const size_t count = random_below(sizeof bytes);
        for (size_t i = 0; i < count; i++) {
            bytes[i] = (char)(1 + random_below(255));
        }
        bytes[count] = 0;
        comes(bytes);
    } else {
        memset(bytes, 'A' + (int)random_below(26), sizeof bytes - 1);
        bytes[sizeof bytes - 1] = 0;
        for (uint32_t i = random_below(12); i > 0; i--) {
            comes(bytes);
        }
    }
}

/* What an honest modem of either kind says to the last command. */
static void honest(void)
{
    static const char *const dialogue[][2] = {
        {"AT\r", "+AT: OK\r\nOK\r\n"},
        {"AT+MODE", "+MODE: LWOTAA\r\n"},
        {"AT+CLASS", "+CLASS: A\r\nOK\r\n"},
        {"AT+ADR", "+ADR: ON\r\nOK\r\n"},
        {"AT+DR=?", "AT+DR=0\r\nOK\r\n"},
        {"AT+DR=", "+DR: DR3\r\nOK\r\n"},
        {"AT+PORT", "+PORT: 8\r\n"},
        {"AT+NJM", "OK\r\n"},
        {"AT+CFM", "OK\r\n"},
        {"AT+NJS", "AT+NJS=0\r\nOK\r\n"},
        {"AT+BAND", "AT+BAND=4\r\nOK\r\n"},
        {"AT+JOIN=", "OK\r\n+EVT:JOINED\r\n"},
        {"AT+JOIN", "+JOIN: Start\r\n+JOIN: Network joined\r\n+JOIN: Done\r\n"},
        {"AT+LW=LEN", "+LW: LEN, 51\r\n"},
        {"AT+MSGHEX", "+MSGHEX: Start\r\n+MSGHEX: Done\r\n"},
        {"AT+SEND", "OK\r\n+EVT:TX_DONE\r\n"},
    };
    if (line.out_count < 2 || line.out[line.out_count - 1] != '\n') {
        return;
    }
    comes("\r\n"); /* whatever line was begun */
    for (size_t i = 0; i < sizeof dialogue / sizeof dialogue[0]; i++) {
        if (strncmp(line.out, dialogue[i][0], strlen(dialogue[i][0])) == 0) {
            comes(dialogue[i][1]);
            break;
        }
    }
    line.out_count = 0;
}

static uint32_t promised; /* packets given that have no fate yet */

/* Until nothing more happens; sends whenever it may. True when a packet has left. */
static bool live(void)
{
    bool left = false;
    while (glimpse_link_poll(LINK_OF_MODEM, now, &event)) {
        const bool fate = event.kind == GLIMPSE_LINK_SENT || event.kind == GLIMPSE_LINK_ACKNOWLEDGED ||
                          event.kind == GLIMPSE_LINK_FAILED;
        CHECK(event.kind > GLIMPSE_LINK_NOTHING && event.kind <= GLIMPSE_LINK_LOST);
        CHECK(event.kind != GLIMPSE_LINK_DOWNLINK || (event.count > 0 && event.count <= GLIMPSE_MAX_PAYLOAD));
        CHECK(!fate || promised == 1);
        promised -= fate ? 1 : 0;
        left = left || (fate && event.kind != GLIMPSE_LINK_FAILED);
    }
    const size_t payload = glimpse_link_payload(LINK_OF_MODEM);
    CHECK(payload == 0 || (payload >= GLIMPSE_MIN_PAYLOAD && payload <= GLIMPSE_MAX_PAYLOAD));
    if (payload > 0) {
        CHECK_EQUAL(0, promised);
        CHECK_EQUAL(GLIMPSE_OK, glimpse_link_send(LINK_OF_MODEM, now, packet, sizeof packet));
        promised = 1;
    }
    return left;
}

static void survives(const glimpse_at_dialect *dialect)
{
    for (int round = 0; round < 60; round++) {
        begin(dialect, false);
        promised = 0;
        for (int i = 0; i < 60; i++) {
            babble();
            line.out_count = 0;
            live();
            later(random_below(3) == 0 ? glimpse_link_wait(LINK_OF_MODEM, now) % 100000 : random_below(100));
        }
        /* From whatever it was brought to, an honest modem brings it back. A pause that the modem has asked for comes
           first, a day at most. */
        bool left = false;
        line.out_count = 0;
        for (int i = 0; i < 200 && !left; i++) {
            left = live();
            honest();
            left = left || live();
            if (line.in_read == line.in_count && line.out_count == 0) {
                const uint32_t wait = glimpse_link_wait(LINK_OF_MODEM, now);
                CHECK(wait <= GLIMPSE_AT_LONGEST_WAIT);
                later(wait);
            }
        }
        CHECK(left);
    }
}

static void hostile_answers_are_survived(void)
{
    survives(&glimpse_at_lora_e5);
    survives(&glimpse_at_rak3172);
}

/* ---- patterns */

static bool scans(const char *pattern, const char *text, glimpse_at_fields *fields)
{
    static char copy[128];
    *fields = (glimpse_at_fields){0};
    return glimpse_at_scan(pattern, strcpy(copy, text), fields);
}

static void patterns_take_what_they_name(void)
{
    glimpse_at_fields fields;
    CHECK(scans("+EVT:RX_%w:%r:%s:%w:%p:%x", "+EVT:RX_2:-120:-17:MULTICAST:223:00ff", &fields));
    CHECK_EQUAL(-120, fields.rssi);
    CHECK_EQUAL(-17, fields.snr);
    CHECK_EQUAL(223, fields.port);
    CHECK_EQUAL(2, fields.count);
    CHECK(scans("%n", "999999999", &fields));
    CHECK_EQUAL(999999999, fields.number);
    CHECK(!scans("%n", "1000000000", &fields));
    CHECK(!scans("%n", "-", &fields));
    CHECK(!scans("%n", "", &fields));
    CHECK(!scans("abc", "ab", &fields));
    CHECK(!scans("%w: x", "abc", &fields));
    CHECK(scans("ab", "abc", &fields));
    CHECK(scans("%x", "", &fields) && fields.count == 0);
    CHECK(!scans("%x", "1", &fields));
    CHECK(!scans("%x", "1 2", &fields));
    char text[16];
    const glimpse_at_values values = {packet, sizeof packet, 223, 15, false, true};
    CHECK_EQUAL(16, glimpse_at_format("%p %d %a %A %c", &values, text, sizeof text));
    CHECK_BYTES("223 15 0 OFF 1\r\n", text, 16);
    CHECK_EQUAL(0, glimpse_at_format("%x", &values, text, sizeof text));
}

/* ---- a wire */

static glimpse_serial_link wire;

static void a_wire_carries_packets_both_ways(void)
{
    clear_line();
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_serial_link_begin(&wire, &line_stream, GLIMPSE_MIN_PAYLOAD - 1));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_serial_link_begin(&wire, &line_stream, GLIMPSE_MAX_PAYLOAD + 1));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_serial_link_begin(&wire, &line_stream, 51));
    CHECK_EQUAL(51, glimpse_link_payload(&wire.link));
    CHECK_EQUAL(1, glimpse_link_poll(&wire.link, now, &event));
    CHECK_EQUAL(GLIMPSE_LINK_READY, event.kind);
    CHECK_EQUAL(GLIMPSE_LINK_FOREVER, glimpse_link_wait(&wire.link, now));
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, glimpse_link_send(&wire.link, now, packet, 0));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_link_send(&wire.link, now, packet, sizeof packet));
    CHECK_EQUAL(GLIMPSE_ERROR_STATE, glimpse_link_send(&wire.link, now, packet, sizeof packet));
    CHECK_EQUAL(1, glimpse_link_poll(&wire.link, now, &event));
    CHECK_EQUAL(GLIMPSE_LINK_SENT, event.kind);
    CHECK_EQUAL(1, glimpse_link_poll(&wire.link, now, &event));
    CHECK_EQUAL(GLIMPSE_LINK_READY, event.kind);
    line.in[0] = 0x05; /* a frame that is cut, then what was sent */
    line.in[1] = 0;
    memcpy(line.in + 2, line.out, line.out_count);
    line.in_count = line.out_count + 2;
    CHECK_EQUAL(1, glimpse_link_poll(&wire.link, now, &event));
    CHECK_EQUAL(GLIMPSE_LINK_DOWNLINK, event.kind);
    CHECK_EQUAL(sizeof packet, event.count);
    CHECK_BYTES(packet, event.bytes, sizeof packet);
    CHECK_EQUAL(1, wire.broken);
    CHECK_EQUAL(0, glimpse_link_poll(&wire.link, now, &event));
}

static void a_wire_that_takes_nothing_fails_in_time(void)
{
    uint8_t longest[GLIMPSE_MAX_PAYLOAD];
    memset(longest, 0x55, sizeof longest);
    clear_line();
    CHECK_EQUAL(GLIMPSE_OK, glimpse_serial_link_begin(&wire, &line_stream, GLIMPSE_MAX_PAYLOAD));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_link_send(&wire.link, now, longest, sizeof longest));
    line.room = 0;
    CHECK_EQUAL(0, glimpse_link_poll(&wire.link, now, &event));
    CHECK_EQUAL(1, glimpse_link_wait(&wire.link, now));
    later(GLIMPSE_SERIAL_LINK_PATIENCE);
    CHECK_EQUAL(1, glimpse_link_poll(&wire.link, now, &event));
    CHECK_EQUAL(GLIMPSE_LINK_FAILED, event.kind);
    CHECK_EQUAL(GLIMPSE_LINK_SILENT, event.reason);
}

static void a_wire_that_never_ends_holds_nobody(void)
{
    clear_line();
    CHECK_EQUAL(GLIMPSE_OK, glimpse_serial_link_begin(&wire, &line_stream, 51));
    CHECK_EQUAL(1, glimpse_link_poll(&wire.link, now, &event)); /* it is ready */
    line.endless = true;
    CHECK_EQUAL(0, glimpse_link_poll(&wire.link, now, &event));
    CHECK_EQUAL(0, glimpse_link_wait(&wire.link, now)); /* there is more */
    line.endless = false;
    CHECK_EQUAL(0, glimpse_link_poll(&wire.link, now, &event));
    CHECK_EQUAL(GLIMPSE_LINK_FOREVER, glimpse_link_wait(&wire.link, now));
}

int main(void)
{
    check_begin();
    CHECK_RUN(hostile_answers_are_survived);
    CHECK_RUN(patterns_take_what_they_name);
    CHECK_RUN(a_wire_carries_packets_both_ways);
    CHECK_RUN(a_wire_that_takes_nothing_fails_in_time);
    CHECK_RUN(a_wire_that_never_ends_holds_nobody);
    return check_end();
}
