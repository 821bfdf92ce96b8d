/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives of a node that is told to change its settings while its flash fails: app/remote.c with the power cut or
   the flash refusing at any write or erase, and a receiver that repeats each downlink until it is answered. At any time
   the node has the settings of a downlink that was sent, whole, and those that it has answered for it never loses.

     remote LIVES SEED      prints how often each thing happened; stops at the first broken promise */
#include "app/remote.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/field.h"
#include "app/models.h"
#include "core/status.h"
#include "ports/port.h"
#include "test/faults/flash.h"

enum { DOWNLINKS = 60, SLOTS = 2, PATIENCE = 40 };

static unsigned long done, refused, repeated, reboots, out_of_range, hostile;

/* ---- what remote.c asks of the node: slot 1 holds no model that can be used */

static uint8_t slot_in_use;
static glimpse_model model;
static glimpse_encoder encoder = {.model = &model};

int models_use(uint8_t slot)
{
    if (slot == 1) {
        return GLIMPSE_ERROR_MODEL_FORMAT;
    }
    slot_in_use = slot;
    return GLIMPSE_OK;
}

uint8_t models_slot(void)
{
    return slot_in_use;
}

glimpse_encoder *models_encoder(void)
{
    return &encoder;
}

/* There is room for prior knowledge with the built-in model only. */
bool field_has_room(const glimpse_settings *wanted)
{
    return wanted->prior == 0 || slot_in_use == GLIMPSE_SLOT_BUILTIN;
}

port_reset_cause port_get_reset_cause(void)
{
    return PORT_RESET_POWER_ON;
}

/* ---- downlinks: the period is the number, the rest follows from it */

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                                             \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static glimpse_settings wanted_by(uint32_t number)
{
    glimpse_settings settings = glimpse_settings_default();
    if (number > 0) {
        settings.period = 1000 + number;
        settings.budget = (uint16_t)(100 + number);
        settings.crop.top = (uint8_t)(number % 200);
        settings.slot = number % 3 == 0 ? 0 : GLIMPSE_SLOT_BUILTIN;
        settings.prior = number % 3 == 0 ? 0 : (uint8_t)number;
    }
    return settings;
}

static bool has(const node_settings *node, uint32_t number)
{
    const glimpse_settings expected = wanted_by(number);
    return node->remote.period == expected.period && node->remote.budget == expected.budget &&
           node->remote.crop.top == expected.crop.top && node->remote.slot == expected.slot &&
           node->remote.prior == expected.prior;
}

static int write_downlink(uint32_t number, uint16_t sequence, bool reboot, bool impossible, uint8_t *packet)
{
    const glimpse_downlink_header header = {.sequence = sequence};
    glimpse_settings settings = wanted_by(number);
    glimpse_downlink_writer writer;
    MUST(glimpse_downlink_begin(&writer, &header, packet, 51) == GLIMPSE_OK);
    if (impossible) {
        settings.slot = number % 2;
        settings.prior = 1;
    }
    for (uint8_t type = GLIMPSE_SETTING_FIRST; type < GLIMPSE_SETTING_END; type++) {
        MUST(glimpse_settings_put(&settings, type, &writer.fields));
    }
    MUST(!reboot || glimpse_downlink_put(&writer, GLIMPSE_COMMAND_REBOOT, 0));
    return glimpse_downlink_end(&writer);
}

/* ---- lives */

static node_settings node;

static void start(void)
{
    node_settings_load(&node);
    slot_in_use = GLIMPSE_SLOT_BUILTIN;
    MUST(models_use(node.remote.slot) == GLIMPSE_OK);
}

/* Any body with a sound check, in exactly as many bytes as it has: the sanitizers see what is read beyond. */
static void send_hostile(void)
{
    const uint32_t body = chance(40);
    const size_t length = GLIMPSE_OVERHEAD_BYTES + body;
    uint8_t *const packet = malloc(length);
    const glimpse_header header = {.version = 1, .kind = GLIMPSE_KIND_DOWNLINK, .first = node.answer.sequence};
    remote_outcome outcome;
    MUST(packet != NULL);
    for (uint32_t i = 0; i < body; i++) {
        packet[GLIMPSE_HEADER_BYTES + i] = (uint8_t)(chance(2) == 0 ? chance(256) : chance(25) << 3 | chance(5));
    }
    glimpse_header_write(&header, packet);
    glimpse_packet_close(packet, body);
    const int status = remote_take(&node, NULL, packet, length, &outcome);
    MUST(status == GLIMPSE_OK || status == GLIMPSE_ERROR_BODY);
    hostile += status == GLIMPSE_OK;
    free(packet);
}

static void live(uint64_t seed)
{
    static uint32_t number, kept, tries; /* static: they outlive a longjmp */
    static uint16_t sequence;
    static bool rebooted, reboot, impossible;
    static uint8_t packet[51];
    static int length;
    flash_begin(seed);
    number = kept = tries = 0;
    sequence = (uint16_t)chance(GLIMPSE_MAX_SEQUENCE + 1);
    length = 0;
    (void)setjmp(power);
    start();
    MUST(has(&node, kept) || (has(&node, number) && !impossible));
    while (number < DOWNLINKS) {
        if (length == 0) {
            number++;
            sequence = (sequence + 1u) & GLIMPSE_MAX_SEQUENCE;
            reboot = chance(4) == 0;
            impossible = chance(8) == 0;
            rebooted = false;
            tries = 0;
            length = write_downlink(number, sequence, reboot, impossible, packet);
        }
        remote_outcome outcome;
        const bool had = has(&node, number);
        const uint8_t slot = models_slot();
        repeated += tries++ > 0;
        MUST(tries < PATIENCE * 100);
        MUST(remote_take(&node, NULL, packet, (size_t)length, &outcome) == GLIMPSE_OK);
        MUST((outcome.report & GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_ANSWER)) != 0 && node.answer.sequence == sequence);
        MUST(outcome.model_changed == (models_slot() != slot));
        if (node.answer.result == GLIMPSE_ANSWER_DONE) {
            MUST(!impossible && has(&node, number) && node.remote.slot == models_slot());
            kept = number;
            ++done;
        } else {
            MUST(has(&node, kept) || had);
            MUST(models_slot() == node.remote.slot);
            MUST(node.answer.result == (impossible ? GLIMPSE_ANSWER_RANGE : GLIMPSE_ANSWER_STORAGE));
            out_of_range += impossible;
            refused += !impossible;
            kept = has(&node, number) ? number : kept;
        }
        MUST(!outcome.reboot || (reboot && !rebooted));
        if (node.answer.sequence == sequence && chance(2) == 0) {
            send_hostile(); /* with a number that is not new: answered, not done */
            MUST(has(&node, kept));
        }
        const bool lost = chance(4) == 0; /* the answer: the receiver says it again */
        length = lost ? length : 0;
        if (outcome.reboot) {
            rebooted = true;
            ++reboots;
            start();
            MUST(has(&node, kept));
        }
    }
}

int main(int count, char **words)
{
    if (count != 3) {
        return 2;
    }
    for (unsigned long i = 0; i < strtoul(words[1], NULL, 10); i++) {
        live(strtoull(words[2], NULL, 10) * 1000003u + i);
    }
    printf("done %lu\nrefused %lu\nrepeated %lu\nreboots %lu\nout_of_range %lu\nhostile %lu\ncuts %lu\nerases %lu\n",
           done, refused, repeated, reboots, out_of_range, hostile, cuts, erases);
    return 0;
}
