/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule under hostile acknowledgements, regions and clocks, in any order. What must hold: ranks that there are not
   are refused and change nothing; every packet, of an image or of changes, decodes, fits, and brings a symbol that nobody
   has said to have; parity packets are sound; after a stop or a deadline nothing leaves. */
#include "core/schedule.h"
#include "core/setting.h"
#include "test/fuzz/fuzz_codecs.h"

enum { STEPS = 200, RANKS = (FUZZ_SYMBOLS + 7) / 8, QUOTAS = GLIMPSE_MAX_BANDS + 3 };

/* What the schedule should know. */
typedef struct {
    glimpse_schedule schedule;
    glimpse_budget budget;
    glimpse_quota quotas[QUOTAS];
    const glimpse_codec *codec;
    uint8_t *symbols, *memory, *received;
    uint8_t known[FUZZ_SYMBOLS]; /* by rank */
    uint8_t held[FUZZ_SYMBOLS], held_known[RANKS];
    glimpse_reference reference;
    glimpse_difference_packer difference;
    glimpse_protection protection;
    glimpse_protection_rule rule;
    uint8_t words[GLIMPSE_PARITY_GROUP * GLIMPSE_PARITY_MAX_WORD];
    uint64_t now, deadline;
    bool stopped;
} subject;

static subject of;
static glimpse_workspace work;
static glimpse_difference_workspace difference_work;

static void next(fuzz_input *in)
{
    glimpse_schedule *const schedule = &of.schedule;
    const size_t payload = take_byte(in);
    const bool had_time = of.now < of.deadline && !of.stopped;
    uint8_t *const packet = exact(payload, 0xEE);
    uint8_t *const taken = exact_copy(of.symbols, FUZZ_SYMBOLS);
    const int length = glimpse_schedule_next(schedule, of.now, payload, packet);
    MUST(length >= 0 ||
         (length == GLIMPSE_ERROR_ARGUMENT && (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD)));
    MUST((size_t)(length > 0 ? length : 0) <= payload && (length <= 0 || had_time));
    glimpse_parity_view view;
    if (length > 0 && schedule->parity) {
        MUST(schedule->protection != NULL && glimpse_parity_read(packet, (size_t)length, &view) == GLIMPSE_OK);
    } else if (length > 0) {
        bool new = !schedule->remembers;
        glimpse_header header;
        MUST(glimpse_packet_read(packet, (size_t)length, &header) > 0);
        const int count = schedule->difference != NULL
                              ? glimpse_difference_unpack(of.codec, -1, &of.reference, packet, (size_t)length,
                                                          &difference_work, taken, of.received)
                              : glimpse_packet_unpack(of.codec, -1, packet, (size_t)length, &work, taken, of.received);
        MUST(count > 0 && memcmp(taken, of.symbols, FUZZ_SYMBOLS) == 0);
        for (int i = 0; i < count && !new; i++) {
            new = of.known[header.first + (uint32_t)i] == 0;
        }
        MUST(new &&header.kind == (schedule->difference != NULL ? GLIMPSE_KIND_DIFFERENCE : GLIMPSE_KIND_IMAGE));
        MUST(schedule->difference != NULL || schedule->packer.last.first == header.first);
    } else if (length == 0) {
        MUST(schedule->done ? schedule->again == GLIMPSE_NEVER : schedule->again > of.now);
    }
    free(taken);
    free(packet);
}

static void acknowledge(fuzz_input *in)
{
    const uint32_t first = take_number(in);
    const uint32_t count = take_number(in);
    const bool inside = (uint64_t)first + count <= FUZZ_SYMBOLS;
    uint8_t *const before = exact_copy(of.memory, 2 * RANKS);
    const int status = glimpse_schedule_known(&of.schedule, first, count);
    if (!of.schedule.remembers) {
        MUST(status == GLIMPSE_ERROR_STATE);
    } else {
        MUST(status == (inside ? GLIMPSE_OK : GLIMPSE_ERROR_RANGE));
        MUST(inside || memcmp(before, of.memory, 2 * RANKS) == 0);
    }
    for (uint32_t i = 0; status == GLIMPSE_OK && i < count; i++) {
        of.known[first + i] = 1;
    }
    free(before);
}

static void want(fuzz_input *in)
{
    const uint32_t top = take_number(in), bottom = take_number(in), left = take_number(in), right = take_number(in);
    const bool inside = top < bottom && bottom <= FUZZ_HEIGHT && left < right && right <= FUZZ_WIDTH;
    const int status = glimpse_schedule_want(&of.schedule, top, bottom, left, right);
    MUST(status == (inside ? of.codec->order == GLIMPSE_ORDER_SALIENCY : GLIMPSE_ERROR_ARGUMENT));
}

static void relink(fuzz_input *in)
{
    const uint32_t flags = take_byte(in);
    const uint32_t rate = take_byte(in) & 15u;
    const uint32_t fopts = take_byte(in) & 31u;
    const int status =
        glimpse_schedule_link(&of.schedule, (flags & 1u) != 0 ? &of.budget : NULL, rate, fopts, (flags & 2u) != 0);
    const bool sound = rate < of.budget.region->rates && fopts <= GLIMPSE_MAX_FOPTS;
    MUST(status == (sound || (flags & 1u) == 0 ? GLIMPSE_OK : GLIMPSE_ERROR_ARGUMENT));
}

static void step(fuzz_input *in)
{
    switch (take_byte(in) % 12) {
    case 0:
        acknowledge(in);
        break;
    case 1:
        want(in);
        break;
    case 2:
        glimpse_schedule_lost(&of.schedule);
        break;
    case 3:
        glimpse_schedule_failed(&of.schedule);
        break;
    case 4:
        glimpse_schedule_ready(&of.schedule);
        break;
    case 5:
        relink(in);
        break;
    case 6:
        of.deadline = of.now + take_number(in);
        glimpse_schedule_deadline(&of.schedule, of.deadline);
        break;
    case 7:
        of.stopped = of.stopped || take_byte(in) == 0xFF;
        if (of.stopped) {
            glimpse_schedule_stop(&of.schedule);
        }
        break;
    case 8:
        of.now += take_number(in);
        break;
    case 9: /* as long as it says */
        of.now = !of.schedule.done && of.schedule.again != GLIMPSE_NEVER && of.schedule.again > of.now
                     ? of.schedule.again
                     : of.now;
        break;
    default:
        next(in);
        break;
    }
}

/* A bit that stands for no rank would be a symbol that there is not. */
static void check_ranks(void)
{
    if (!of.schedule.remembers) {
        return;
    }
    for (uint32_t rank = 0; rank < 8u * RANKS; rank++) {
        const bool waits = (of.memory[rank >> 3] >> (rank & 7u) & 1u) != 0;
        const bool known = (of.memory[RANKS + (rank >> 3)] >> (rank & 7u) & 1u) != 0;
        MUST(rank < FUZZ_SYMBOLS ? known == (of.known[rank] != 0) : !known);
        MUST(!waits || (rank < FUZZ_SYMBOLS && !known));
    }
}

static void begin(fuzz_input *in)
{
    const uint32_t flags = take_byte(in);
    const uint32_t fair = flags >> 1 & 1u;
    of.codec = codec_numbered(take_byte(in));
    const uint8_t coding =
        of.codec->cumulative != NULL && (flags & 1u) != 0 ? GLIMPSE_CODING_RANGE : GLIMPSE_CODING_RAW;
    take_symbols(in, of.codec, of.symbols);
    MUST(glimpse_schedule_begin(&of.schedule, of.codec, of.symbols, 9, coding, take_number(in)) == GLIMPSE_OK);
    const glimpse_region *const region = glimpse_region_numbered(flags >> 2 & 3u);
    MUST(glimpse_budget_begin(&of.budget, region, 0, fair != 0, of.quotas, QUOTAS, of.now) == GLIMPSE_OK);
    if ((flags & 16u) != 0) {
        int8_t *const side = (int8_t *)exact(FUZZ_HEIGHT * FUZZ_WIDTH, (uint8_t)take_byte(in));
        side[0] = (int8_t)take_byte(in);
        side[FUZZ_HEIGHT * FUZZ_WIDTH - 1] = (int8_t)take_byte(in);
        glimpse_schedule_steer(&of.schedule, side);
        free(side);
    }
    MUST(glimpse_schedule_memory(of.codec) == 2 * RANKS);
    if ((flags & 32u) != 0) {
        MUST(glimpse_schedule_remember(&of.schedule, of.memory, 2 * RANKS - 1) == GLIMPSE_ERROR_BUFFER);
        MUST(glimpse_schedule_remember(&of.schedule, of.memory, 2 * RANKS) == GLIMPSE_OK);
    }
    if ((flags & 64u) != 0) {
        const uint8_t resend = (uint8_t)(take_byte(in) & 3u);
        const int status = glimpse_schedule_resend(&of.schedule, resend, (uint8_t)take_byte(in));
        MUST(status == (resend == 3 ? GLIMPSE_ERROR_ARGUMENT : (flags & 32u) == 0 ? GLIMPSE_ERROR_STATE : GLIMPSE_OK));
    }
}

/* Decided by the last bytes, so that what the first ones mean stays. */
static void begin_extras(const uint8_t *data, size_t size)
{
    const uint32_t flags = size > 0 ? data[size - 1] : 0;
    if (of.schedule.remembers && (flags & 128u) != 0) {
        for (uint32_t at = 0; at < FUZZ_SYMBOLS; at++) {
            const uint32_t chance = data[at % size] * (at + 1u) >> 3;
            of.held[at] = chance % 4u == 0 ? (uint8_t)(chance / 4u % of.codec->levels) : of.symbols[at];
            of.held_known[at >> 3] |= (uint8_t)((chance % 32u != 7u) << (at & 7u));
        }
        of.reference =
            (glimpse_reference){of.held, of.held_known, 8, glimpse_reference_check(of.codec, of.held, of.held_known)};
        MUST(glimpse_difference_begin(&of.difference, of.codec, &of.reference, of.symbols, 9) == GLIMPSE_OK);
        MUST(glimpse_schedule_difference(&of.schedule, &of.difference) == GLIMPSE_OK);
    } else if ((flags & 128u) != 0) {
        MUST(glimpse_schedule_difference(&of.schedule, &of.difference) == GLIMPSE_ERROR_STATE);
    }
    if ((flags & 64u) != 0) {
        of.rule = (glimpse_protection_rule){GLIMPSE_PARITY_GROUP, (uint8_t)(1u + (flags & 7u))};
        const bool scattered = of.codec->order == GLIMPSE_ORDER_SALIENCY;
        MUST(glimpse_protection_begin(&of.protection, &of.rule, 1, scattered, of.words, sizeof of.words) == GLIMPSE_OK);
        glimpse_schedule_protect(&of.schedule, &of.protection);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    memset(&of, 0, sizeof of);
    of.symbols = exact(FUZZ_SYMBOLS, 0);
    of.memory = exact(2 * RANKS, 0xEE);
    of.received = exact(FUZZ_SYMBOLS, 0);
    of.deadline = GLIMPSE_NEVER;
    begin(&in);
    begin_extras(data, size);
    for (uint32_t i = 0; i < STEPS && in.left > 0; i++) {
        step(&in);
        check_ranks();
    }
    free(of.received);
    free(of.memory);
    free(of.symbols);
    return 0;
}
