/* SPDX-License-Identifier: Apache-2.0 */
/* Downlinks as a node takes them (app/remote.h), from hostile flash on. What must hold: commands reach the frame only
   inside it; a refused packet changes nothing; settings stay in their ranges and, once changed, are in flash; a
   downlink that comes again is not done again; telemetry can always tell the state. */
#include "app/field.h"
#include "app/models.h"
#include "app/protocol.h"
#include "app/remote.h"
#include "nn/model.h"
#include "test/fuzz/fuzz_codecs.h"
#include "test/fuzz/fuzz_flash.h"

enum { STEPS = 16 };

static const glimpse_codec *codec;
static uint8_t slot;
static uint32_t calls; /* of commands for the frame */

/* ---- the node around it */

int models_use(uint8_t wanted)
{
    if (wanted > 1 && wanted != NODE_BUILTIN_MODEL) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    slot = wanted;
    return GLIMPSE_OK;
}

uint8_t models_slot(void)
{
    return slot;
}

glimpse_encoder *models_encoder(void)
{
    static glimpse_model model;
    static glimpse_encoder encoder;
    model.codec = *codec;
    encoder.model = &model;
    return &encoder;
}

bool field_has_room(const glimpse_settings *wanted)
{
    return wanted->prior <= slot;
}

port_reset_cause port_get_reset_cause(void)
{
    return PORT_RESET_WATCHDOG;
}

static void known(void *context, uint32_t first, uint32_t count)
{
    MUST(context == &calls && count > 0 && first < FUZZ_SYMBOLS && count <= FUZZ_SYMBOLS - first);
    calls++;
}

static void want(void *context, const glimpse_area *area)
{
    MUST(context == &calls && area->top < area->bottom && area->bottom <= FUZZ_HEIGHT);
    MUST(area->left < area->right && area->right <= FUZZ_WIDTH);
    calls++;
}

static void more(void *context, uint32_t bytes)
{
    MUST(context == &calls && bytes <= UINT16_MAX);
    calls++;
}

static void more_to(void *context, uint32_t rank)
{
    MUST(context == &calls && rank < FUZZ_SYMBOLS);
    calls++;
}

static void stop(void *context)
{
    MUST(context == &calls);
    calls++;
}

/* ---- downlinks */

static void describe(const node_settings *settings, uint32_t report)
{
    glimpse_telemetry telemetry = {.settings = glimpse_settings_default()};
    uint8_t packet[GLIMPSE_MAX_PAYLOAD];
    remote_describe(settings, report, &telemetry);
    const bool some = telemetry.present != 0;
    const int length = glimpse_telemetry_write(&telemetry, sizeof packet, packet);
    MUST((length > 0) == some && length >= 0);
    MUST(length == 0 || glimpse_telemetry_read(packet, (size_t)length, &telemetry) == 0);
}

static bool same_settings_but_answer(const node_settings *a, const node_settings *b)
{
    node_settings other = *b;
    other.answered = a->answered;
    other.answer = a->answer;
    return same_settings(a, &other);
}

static void take(node_settings *settings, const remote_frame *frame, fuzz_input *in)
{
    const uint32_t flags = take_byte(in);
    const uint32_t number = take_byte(in);
    const glimpse_header header = {
        .version = GLIMPSE_WIRE_VERSION,
        .model = (uint8_t)(codec->model + ((flags & 7u) == 7u)),
        .frame = (uint8_t)(frame->frame + ((flags & 56u) == 56u)),
        .first =
            (uint16_t)((settings->answer.sequence + (number < 128 ? number : number * 128u)) & GLIMPSE_MAX_SEQUENCE),
        .kind = flags == 0xFF ? GLIMPSE_KIND_TELEMETRY : GLIMPSE_KIND_DOWNLINK,
        .revision = codec->revision & 1u};
    uint8_t bytes[GLIMPSE_MAX_PAYLOAD];
    const size_t length = take_packet(in, &header, bytes, sizeof bytes);
    uint8_t *const packet = exact_copy(bytes, length);
    const node_settings before = *settings;
    const uint8_t slot_before = slot;
    remote_outcome outcome;
    flash_faults = take_byte(in) >> 5;
    calls = 0;
    const int status = remote_take(settings, (flags & 64u) != 0 ? NULL : frame, packet, length, &outcome);
    flash_faults = 0;
    check_settings(settings);
    if (status != GLIMPSE_OK) {
        MUST(status == GLIMPSE_ERROR_KIND || status == GLIMPSE_ERROR_BODY);
        MUST(same_settings(&before, settings) && calls == 0 && slot == slot_before && !outcome.reboot);
    } else {
        MUST(settings->answered && outcome.model_changed == (slot != slot_before));
        MUST(calls == 0 || ((flags & 64u) == 0 && !outcome.model_changed));
        const bool changed = !same_settings_but_answer(&before, settings);
        node_settings seen;
        node_settings_load(&seen);
        MUST(!(changed || outcome.reboot) || same_settings_but_answer(&seen, settings));
        MUST(!outcome.reboot || seen.answer.sequence == settings->answer.sequence);
        describe(settings, outcome.report);
        calls = 0;
        const node_settings once = *settings;
        MUST(remote_take(settings, frame, packet, length, &outcome) == GLIMPSE_OK); /* again */
        MUST(calls == 0 && same_settings(&once, settings) && !outcome.reboot && !outcome.model_changed);
    }
    free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    node_settings settings;
    const uint32_t flags = take_byte(&in);
    codec = codec_numbered(flags);
    take_flash(&in);
    node_settings_load(&settings);
    slot = NODE_BUILTIN_MODEL;
    (void)models_use(settings.remote.slot);
    const remote_frame frame = {.codec = codec,
                                .frame = 9,
                                .context = &calls,
                                .known = known,
                                .want = want,
                                .more = more,
                                .more_to = more_to,
                                .stop = stop};
    for (uint32_t i = 0; i < STEPS && in.left > 0; i++) {
        take(&settings, &frame, &in);
    }
    describe(&settings, UINT32_MAX);
    release_flash();
    return 0;
}
