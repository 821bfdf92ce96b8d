/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that the encoder leaves between a frame's last row and the next one's first, given out piece by piece. */
#ifndef GLIMPSE_APP_SPARE_H
#define GLIMPSE_APP_SPARE_H

#include "app/models.h"

typedef struct {
    uint8_t *at;
    size_t left;
} spare_memory;

static inline spare_memory spare_begin(void)
{
    spare_memory spare = {0};
    spare.at = models_spare(&spare.left);
    return spare;
}

/* A piece that anything may lie in; NULL: so much is not left. */
static inline void *spare_take(spare_memory *spare, size_t bytes)
{
    const size_t taken = (bytes + 7u) & ~(size_t)7u;
    void *const piece = spare->at;
    if (taken > spare->left) {
        return NULL;
    }
    spare->at += taken;
    spare->left -= taken;
    return piece;
}

#endif
