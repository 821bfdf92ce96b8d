/* SPDX-License-Identifier: Apache-2.0 */
/* Links: what carries packets. What Python uses of these headers, as cffi reads it. */
#include "link/at_modem.h"
#include "link/serial_link.h"

typedef struct {
    uint8_t kind; uint8_t reason; uint8_t port; uint32_t wait; const uint8_t *bytes; size_t count; ...;
} glimpse_link_event;
typedef struct { ...; } glimpse_link;
size_t glimpse_link_payload(const glimpse_link *link);
int glimpse_link_send(glimpse_link *link, uint32_t now, const uint8_t *packet, size_t count);
int glimpse_link_poll(glimpse_link *link, uint32_t now, glimpse_link_event *event);
uint32_t glimpse_link_wait(const glimpse_link *link, uint32_t now);

typedef struct {
    void *context;
    size_t (*read)(void *context, uint8_t *bytes, size_t capacity);
    size_t (*write)(void *context, const uint8_t *bytes, size_t count);
} glimpse_stream;
extern "Python" size_t glimpse_python_read(void *context, uint8_t *bytes, size_t capacity);
extern "Python" size_t glimpse_python_write(void *context, const uint8_t *bytes, size_t count);

typedef struct { glimpse_link link; ...; } glimpse_serial_link;
int glimpse_serial_link_begin(glimpse_serial_link *serial, const glimpse_stream *stream, size_t payload);

typedef struct { const char *name; uint32_t baud; ...; } glimpse_at_dialect;
const glimpse_at_dialect *glimpse_at_dialect_named(const char *name);
typedef struct {
    const glimpse_at_dialect *dialect; glimpse_stream stream; uint8_t port; uint8_t data_rate; bool adaptive;
    bool confirmed; bool reset; uint32_t seed;
    ...;
} glimpse_at_config;
typedef struct {
    glimpse_link link; uint8_t state; bool joined; int16_t rssi; int8_t snr;
    uint32_t uplinks; uint32_t downlinks; uint32_t refusals; uint32_t timeouts; uint32_t strange;
    ...;
} glimpse_at_modem;
int glimpse_at_modem_begin(glimpse_at_modem *modem, const glimpse_at_config *config, uint32_t now);

#define GLIMPSE_LINK_READY ...
#define GLIMPSE_LINK_SENT ...
#define GLIMPSE_LINK_ACKNOWLEDGED ...
#define GLIMPSE_LINK_FAILED ...
#define GLIMPSE_LINK_DOWNLINK ...
#define GLIMPSE_LINK_JOINED ...
#define GLIMPSE_LINK_LOST ...
#define GLIMPSE_LINK_NO_REASON ...
#define GLIMPSE_LINK_TOO_LONG ...
#define GLIMPSE_LINK_BUSY ...
#define GLIMPSE_LINK_NOT_JOINED ...
#define GLIMPSE_LINK_RESTARTED ...
#define GLIMPSE_LINK_SILENT ...
#define GLIMPSE_LINK_REFUSED ...
#define GLIMPSE_AT_KEEP_RATE ...
#define GLIMPSE_AT_PAUSING ...
