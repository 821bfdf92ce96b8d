/* SPDX-License-Identifier: Apache-2.0 */
/* A whole node (firmware/app) that is given a name, keys and two models over its serial line, one after the other, while
   its power is cut at each write and each erase of its flash in turn, in three ways: nothing of it done, a part, all.
   After every cut the node starts with the old model or the new one, with everything that it has acknowledged, and uses
   no counter of sealed packets twice; whoever sends then ends what was begun. A second cut follows at a random place.
   Each life is a process of its own, which ends where the power does; the flash is memory that they share.

     update BUILT_IN A B KEY     model files, A and B signed by KEY (32 bytes), B's revision above A's
                                 prints how often each thing happened; stops at the first broken promise */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/message.h"
#include "app/models.h"
#include "app/node.h"
#include "app/protocol.h"
#include "app/sealing.h"
#include "app/settings.h"
#include "app/update.h"
#include "core/serial.h"
#include "core/status.h"
#include "ports/port.h"

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: broken: %s (step %u of %u, cut at %ld in way %u)\n", __FILE__, __LINE__, #condition,        \
                   shared->done, shared->asked, shared->cut_at, shared->way);                                          \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum {
    SLOT_BYTES = 16384,
    RECORD = 44 + sizeof(node_security) + sizeof(node_link) + sizeof(node_update) + NODE_NAME_BYTES,
    SETTINGS_BYTES = 5 * RECORD + 20, /* so that regions fill up and are erased on the way */
    CHUNK = 232,
    CUT = 86,
    NEVER = -1
};
typedef enum { NOTHING, PART, ALL, WAYS } cut_way;
typedef enum { NAMED, SEALED, DEMANDED, A_SELECTED, A_PROVEN, B_SELECTED, B_PROVEN, STEPS } step;

typedef struct {
    uint8_t slot[2][SLOT_BYTES];
    uint8_t settings[2][SETTINGS_BYTES];
} flash_memory;

static struct {
    flash_memory flash;
    long cut_at;  /* this operation of the life loses power; NEVER */
    uint32_t way; /* cut_way */
    long operations;
    uint32_t asked, done; /* steps: the last one may have been asked without an answer */
    uint32_t stop_at;     /* whoever sends goes away before this one */
    long last_counter;    /* of a sealed packet */
    uint32_t cause;       /* port_reset_cause of the next life */
    unsigned long lives, cuts, old_model, new_model, given_up;
} *shared;

typedef struct {
    uint8_t *bytes;
    size_t count;
    uint32_t check;
} model_file;

static model_file models[3]; /* built in, A, B */
static uint8_t model_key[NODE_UPDATE_KEY_BYTES];
static const char camera[] = "gate";
static uint64_t state = 1;

static uint32_t chance(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

/* ---- flash that loses its power */

static uint8_t *memory(port_region region)
{
    return region <= PORT_REGION_SLOT1 ? shared->flash.slot[region]
                                       : shared->flash.settings[region - PORT_REGION_SETTINGS_A];
}

const uint8_t *port_region_base(port_region region)
{
    return memory(region);
}

size_t port_region_size(port_region region)
{
    return region <= PORT_REGION_SLOT1 ? SLOT_BYTES : SETTINGS_BYTES;
}

static bool is_cut(void)
{
    return shared->operations++ == shared->cut_at;
}

bool port_region_erase(port_region region)
{
    const size_t size = port_region_size(region);
    const bool cut = is_cut();
    for (size_t i = 0; i < size; i++) {
        if (!cut || shared->way == ALL || (shared->way == PART && chance(2) == 0)) {
            memory(region)[i] = 0xFF;
        }
    }
    if (cut) {
        _exit(CUT);
    }
    return true;
}

bool port_region_write(port_region region, size_t offset, const void *bytes, size_t count)
{
    uint8_t *const place = memory(region) + offset;
    MUST(offset % 4 == 0 && count % 4 == 0 && offset + count <= port_region_size(region));
    for (size_t i = 0; i < count; i++) {
        if (place[i] != 0xFF) {
            return false; /* not erased: where writing was cut off before */
        }
    }
    const bool cut = is_cut();
    const size_t whole = !cut || shared->way == ALL ? count : shared->way == PART ? 4 * (count / 8) : 0;
    memcpy(place, bytes, whole);
    if (cut && whole < count && shared->way == PART) {
        place[whole] = (uint8_t)(*((const uint8_t *)bytes + whole) | 0xA5u); /* some of its zeros */
    }
    if (cut) {
        _exit(CUT);
    }
    return true;
}

/* ---- the rest of the board */

static uint8_t line_in[2048], line_out[4096];
static size_t in_at, in_count, out_count;

void port_serial_open(port_serial_mode mode)
{
    (void)mode;
}

size_t port_serial_read(uint8_t *bytes, size_t capacity)
{
    const size_t left = in_count - in_at;
    const size_t count = left < capacity ? left : capacity;
    memcpy(bytes, line_in + in_at, count);
    in_at += count;
    return count;
}

void port_serial_write(const uint8_t *bytes, size_t count)
{
    MUST(out_count + count <= sizeof line_out);
    memcpy(line_out + out_count, bytes, count);
    out_count += count;
}

port_reset_cause port_get_reset_cause(void)
{
    return (port_reset_cause)shared->cause;
}

void port_init(void)
{
}

const char *port_board(void)
{
    return "faults";
}

uint32_t port_core_hz(void)
{
    return 0;
}

uint32_t port_serial_overruns(void)
{
    return 0;
}

const port_counter_unit *port_get_counter_unit(void)
{
    static const port_counter_unit unit = {"ns", 1, 1};
    return &unit;
}

uint32_t port_counter(void)
{
    return 0;
}

uint64_t port_millis(void)
{
    static uint64_t now;
    return ++now;
}

bool port_modem_open(uint32_t baud)
{
    (void)baud;
    return false;
}

size_t port_modem_read(uint8_t *bytes, size_t capacity)
{
    (void)bytes;
    (void)capacity;
    return 0;
}

size_t port_modem_write(const uint8_t *bytes, size_t count)
{
    (void)bytes;
    (void)count;
    return 0;
}

bool port_camera_begin(const port_camera_frame *wanted, port_camera_frame *frame)
{
    (void)wanted;
    (void)frame;
    return false;
}

bool port_camera_read(uint8_t *rgb, size_t bytes)
{
    (void)rgb;
    (void)bytes;
    return false;
}

void port_camera_end(void)
{
}

void port_sleep_until(uint64_t until)
{
    (void)until;
}

bool port_take_wake(void)
{
    return false;
}

void port_watchdog_start(uint32_t ms)
{
    (void)ms;
}

void port_watchdog_feed(void)
{
}

size_t port_stack_peak(void)
{
    return 0;
}

void port_text(const char *text)
{
    fputs(text, stdout);
}

_Noreturn void port_reset(void)
{
    _exit(2);
}

_Noreturn void port_exit(int code)
{
    _exit(code);
}

/* ---- whoever is at the other end of the line */

/* The sealed packets of an answer: their counters only rise, over all lives. */
static void take_packet(const uint8_t *packet, size_t count)
{
    if (packet[0] >> 6 != GLIMPSE_SEALED_VERSION) {
        MUST(shared->done <= SEALED);
        return;
    }
    MUST(count > 6);
    const long counter = packet[count - 6] << 8 | packet[count - 5];
    MUST(counter > shared->last_counter);
    shared->last_counter = counter;
}

/* Asks; the status of the refusal, or GLIMPSE_OK. */
static int ask(uint8_t type, const void *body, size_t count)
{
    uint8_t message[NODE_MAX_MESSAGE_BYTES] = {type, 1}, answer[NODE_MAX_MESSAGE_BYTES];
    memcpy(message + 2, body, count);
    const int length = glimpse_serial_encode(message, count + 2, line_in, sizeof line_in);
    MUST(length > 0);
    in_at = out_count = 0;
    in_count = (size_t)length;
    while (in_at < in_count) {
        node_poll();
    }
    int status = GLIMPSE_OK;
    glimpse_serial_reader reader;
    glimpse_serial_reader_begin(&reader, answer, sizeof answer);
    for (size_t i = 0; i < out_count; i++) {
        const int got = glimpse_serial_reader_push(&reader, line_out[i]);
        MUST(got >= 0);
        if (got > 0 && answer[0] == NODE_REFUSED) {
            status = (int8_t)answer[2];
        } else if (got > 0 && answer[0] == NODE_PACKET) {
            take_packet(answer + 2, (size_t)got - 2);
        }
    }
    MUST(out_count > 0);
    return status;
}

static uint32_t in_use(void)
{
    return models_encoder()->model->check;
}

static bool uses(uint32_t number)
{
    return in_use() == models[number].check;
}

static int capture(void)
{
    const uint8_t body[8] = {NODE_SOURCE_PATTERN, 0, NODE_NEXT_FRAME, 51};
    return ask(NODE_CAPTURE, body, sizeof body);
}

static void send_model(const model_file *model)
{
    const uint8_t slot = models_slot() == 0 ? 1 : 0;
    uint8_t body[8 + CHUNK] = {slot};
    MUST(ask(NODE_MODEL_ERASE, &slot, 1) == GLIMPSE_OK);
    for (size_t at = 0; at < model->count; at += CHUNK) {
        const size_t count = model->count - at < CHUNK ? model->count - at : CHUNK;
        for (uint32_t i = 0; i < 4; i++) {
            body[4 + i] = (uint8_t)(at >> 8u * i);
        }
        memcpy(body + 8, model->bytes + at, count);
        MUST(ask(NODE_MODEL_WRITE, body, 8 + count) == GLIMPSE_OK);
    }
    MUST(ask(NODE_SELECT, &slot, 1) == GLIMPSE_OK);
}

static int install_model_key(void)
{
    uint8_t body[NODE_UPDATE_BODY_BYTES] = {0};
    memcpy(body, model_key, sizeof model_key);
    return ask(NODE_MODEL_KEY, body, sizeof body);
}

static int install_link_key(void)
{
    uint8_t body[NODE_KEY_BODY_BYTES];
    memset(body, 0x5A, sizeof body);
    body[sizeof body - 1] = NODE_SEAL_AUTHENTIC;
    return ask(NODE_KEY, body, sizeof body);
}

static void take_step(uint32_t next)
{
    shared->asked = next;
    switch (next) {
    case NAMED:
        MUST(ask(NODE_NAME, camera, strlen(camera)) == GLIMPSE_OK);
        break;
    case SEALED:
        MUST(install_link_key() == GLIMPSE_OK);
        break;
    case DEMANDED:
        MUST(install_model_key() == GLIMPSE_OK);
        break;
    case A_SELECTED:
    case B_SELECTED:
        if (!uses(next == A_SELECTED ? 1 : 2)) {
            send_model(&models[next == A_SELECTED ? 1 : 2]);
        }
        break;
    default:
        MUST(capture() == GLIMPSE_OK);
    }
    shared->done = next + 1;
}

/* What a node that has just started owes. */
static void check_promises(void)
{
    node_settings seen;
    node_settings_load(&seen);
    MUST(shared->done <= NAMED || memcmp(seen.name, camera, strlen(camera)) == 0);
    MUST(shared->done <= SEALED || seen.security.mode == NODE_SEAL_AUTHENTIC);
    MUST(shared->done <= DEMANDED || seen.update.demanded != 0);
    if (shared->done > B_SELECTED) {
        MUST(uses(2));
    } else if (shared->asked == B_SELECTED) {
        MUST(uses(1) || uses(2));
        shared->old_model += uses(1);
        shared->new_model += uses(2);
    } else if (shared->done > A_SELECTED) {
        MUST(uses(1));
    } else {
        MUST(uses(0) || (shared->asked == A_SELECTED && uses(1)));
    }
    MUST(capture() == GLIMPSE_OK); /* it works, whatever happened */
}

static int live(bool checked)
{
    const pid_t child = fork();
    if (child == 0) {
        node_start(PORT_SERIAL_POLLED);
        if (checked) {
            check_promises();
        }
        for (uint32_t next = shared->done; next < shared->stop_at; next++) {
            take_step(next);
        }
        _exit(0);
    }
    int status = 0;
    MUST(child > 0 && waitpid(child, &status, 0) == child);
    ++shared->lives;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    if (code != 0 && code != CUT) {
        fprintf(stderr, "a life ended with status %d\n", status);
        exit(1);
    }
    shared->cuts += code == CUT;
    return code;
}

static void erase_all(void)
{
    memset(&shared->flash, 0xFF, sizeof shared->flash);
    shared->asked = shared->done = 0;
    shared->last_counter = -1;
    shared->cause = PORT_RESET_POWER_ON;
    shared->stop_at = STEPS;
}

static int live_until(long cut_at, uint32_t way, bool checked)
{
    shared->cut_at = cut_at;
    shared->way = way;
    shared->operations = 0;
    return live(checked);
}

/* Everything, with a cut at each operation in turn, then a second one somewhere behind it. */
static void cut_everywhere(void)
{
    erase_all();
    MUST(live_until(NEVER, NOTHING, false) == 0);
    const long operations = shared->operations;
    for (long at = 0; at < operations; at++) {
        for (uint32_t way = 0; way < WAYS; way++) {
            erase_all();
            MUST(live_until(at, way, false) == CUT);
            (void)live_until((long)chance((uint32_t)(operations - at)), chance(WAYS), true);
            MUST(live_until(NEVER, NOTHING, true) == 0);
            MUST(shared->done == STEPS);
        }
    }
}

/* The model on trial hangs the node: with the watchdog's reset the one before is back, also when the power is cut while
   that is written down, or at the next bite of the watchdog. */
static void hang_on_trial(void)
{
    static flash_memory before;
    erase_all();
    shared->stop_at = B_PROVEN;
    MUST(live_until(NEVER, NOTHING, false) == 0);
    before = shared->flash;
    const long last_counter = shared->last_counter;
    for (long at = 0; at < 2; at++) { /* one record is written, and there is one try without a cut */
        for (uint32_t way = 0; way < WAYS; way++) {
            shared->flash = before;
            shared->last_counter = last_counter;
            shared->done = shared->asked = shared->stop_at = B_PROVEN;
            shared->cause = PORT_RESET_WATCHDOG;
            const bool cut = live_until(at, way, false) == CUT;
            MUST(cut == (at == 0));
            shared->cause = cut ? PORT_RESET_WATCHDOG : PORT_RESET_POWER_ON;
            shared->done = A_PROVEN + 1; /* which promises A, and nothing else */
            shared->asked = A_PROVEN;
            shared->stop_at = 0;
            MUST(live_until(NEVER, NOTHING, true) == 0);
            ++shared->given_up;
        }
    }
}

static model_file read_file(const char *path)
{
    static uint8_t room[4][SLOT_BYTES];
    static uint32_t files;
    model_file model = {.bytes = room[files++ % 4]};
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        exit(2);
    }
    model.count = fread(model.bytes, 1, SLOT_BYTES, file);
    fclose(file);
    memcpy(&model.check, model.bytes + 12, sizeof model.check);
    return model;
}

int main(int count, char **words)
{
    if (count != 5) {
        return 2;
    }
    for (int i = 0; i < 3; i++) {
        models[i] = read_file(words[1 + i]);
    }
    const model_file key = read_file(words[4]);
    memcpy(model_key, key.bytes, sizeof model_key);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || key.count != sizeof model_key) {
        return 2;
    }
    cut_everywhere();
    hang_on_trial();
    printf("lives %lu\ncuts %lu\nold_model %lu\nnew_model %lu\ngiven_up %lu\n", shared->lives, shared->cuts,
           shared->old_model, shared->new_model, shared->given_up);
    return 0;
}
