/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of ranks in few bytes: which symbols of a frame the receiver has. */
#ifndef GLIMPSE_CORE_RUNS_H
#define GLIMPSE_CORE_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "core/codec.h"
#include "core/saliency.h"

/* The code: 4 bits of order, then for each run the number of ranks between it and the run before (for later runs less
   1) and its length less 1. Orders 0..13 write these numbers as Exp-Golomb codes of that order, order 14 as 14 plain
   bits. Zero bits fill the last byte. */
enum {
    GLIMPSE_RUNS_ORDER_BITS = 4,
    GLIMPSE_RUNS_PLAIN = 14,   /* this order's numbers are plain, of as many bits */
    GLIMPSE_RUNS_MIN_BYTES = 4 /* with as many there is room for any one run */
};

/* Writes the runs of symbols that `received` [height, width, channels] marks with a value that is not 0. Where they do
   not all fit `capacity` bytes, it leaves out the shortest ones, of equal ones the last: it may say less than what
   came, never more. claimed: symbols in the runs written. Returns the bytes written, 0 when no run fits or there is
   none. It walks the frame some 30 times and needs no memory. */
size_t glimpse_runs_write(const glimpse_codec *codec, const uint8_t *received, uint8_t *bytes, size_t capacity,
                          uint32_t *claimed);

typedef struct {
    const uint8_t *bytes;
    size_t bits;      /* in all */
    size_t at;        /* bit */
    uint32_t rank;    /* the first that no run has named */
    uint32_t symbols; /* of the frame */
    uint8_t order;
} glimpse_runs_reader;

/* symbols: of the frame whose ranks these are. Reads all of it once: GLIMPSE_OK, or GLIMPSE_ERROR_BODY when it is
   malformed or names no run, GLIMPSE_ERROR_RANGE when it names ranks that there are not. */
int glimpse_runs_begin(glimpse_runs_reader *reader, const uint8_t *bytes, size_t length, uint32_t symbols);

/* 1: here is the next run, in rising order of rank; 0: that was all. Only after a begin that returned GLIMPSE_OK. */
int glimpse_runs_next(glimpse_runs_reader *reader, glimpse_run *run);

#endif
