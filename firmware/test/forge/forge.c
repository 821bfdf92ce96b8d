/* SPDX-License-Identifier: Apache-2.0 */
/* Forged packets against a receiver: random tags, counters, headers and bodies, and changed copies of real packets, by
   somebody who lacks the key. None may be taken.

     forge COUNT SEED      COUNT forged packets; prints `forged N accepted M real R`; exit status 1 when M is not 0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/seal.h"
#include "test/splitmix.h"

enum { REAL_EVERY = 1000, LENGTH = GLIMPSE_MIN_SEALED_PAYLOAD, ROOM = LENGTH - GLIMPSE_SEAL_COST_BYTES };

/* A forger who has heard `heard`, and knows the format. */
static void forge(const uint8_t *heard, uint8_t *forged)
{
    memcpy(forged, heard, LENGTH);
    switch (random_word() % 4) {
    case 0: /* all of his own */
        random_bytes(forged, LENGTH);
        forged[0] = (uint8_t)((forged[0] & 0x3Fu) | 0x80u);
        break;
    case 1: /* the next counter, another tag */
        ++forged[LENGTH - 5];
        random_bytes(forged + LENGTH - 4, 4);
        break;
    case 2: /* another tag */
        random_bytes(forged + LENGTH - 4, 4);
        break;
    default: /* a bit flipped in header or body, under the tag heard; never a bit of the version */
        forged[random_word() % (LENGTH - 6)] ^= (uint8_t)(1u << (random_word() % 6));
    }
}

/* ROOM bytes of any content. */
static void make_packet(uint8_t *packet)
{
    random_bytes(packet, ROOM - GLIMPSE_CHECK_BYTES);
    packet[0] = (uint8_t)((packet[0] & 0x3Fu) | 0x40u);
    glimpse_packet_close(packet, ROOM - GLIMPSE_OVERHEAD_BYTES);
}

int main(int count, char **words)
{
    if (count != 3) {
        return 2;
    }
    const unsigned long long tries = strtoull(words[1], NULL, 10);
    random_state = strtoull(words[2], NULL, 10);
    uint8_t key[GLIMPSE_KEY_BYTES], device[GLIMPSE_DEVICE_BYTES];
    random_bytes(key, sizeof key);
    random_bytes(device, sizeof device);
    glimpse_seal seal;
    glimpse_opener opener;
    glimpse_seal_begin(&seal, key, device, GLIMPSE_UPLINK, true);
    glimpse_opener_begin(&opener, &seal, 1);
    uint8_t real_packet[LENGTH], heard[LENGTH], forged[LENGTH], packet[LENGTH];
    unsigned long long accepted = 0, real = 0;
    for (unsigned long long i = 0; i < tries; i++) {
        if (i % REAL_EVERY == 0) { /* the receiver lives: real packets go on being taken */
            make_packet(real_packet);
            (void)glimpse_seal_close(&seal, opener.next, real_packet, ROOM, LENGTH, heard);
            real +=
                glimpse_opener_take(&opener, heard, LENGTH, packet) == ROOM && memcmp(packet, real_packet, ROOM) == 0;
        }
        forge(heard, forged);
        accepted += glimpse_opener_take(&opener, forged, LENGTH, packet) >= 0;
    }
    printf("forged %llu accepted %llu real %llu\n", tries, accepted, real);
    return accepted != 0;
}
