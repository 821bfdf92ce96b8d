/* SPDX-License-Identifier: Apache-2.0 */
/* A block of four columns and two output channels has eight sums, which with two words of pixels, two of weights and two
   pointers fill the registers of a Cortex-M. SMLAD adds two products of int16 to a sum, so both factors are widened:

   - pixels once for a block of columns and many channels. SXTB16 makes of four neighbours k0 k1 k2 k3 the pairs k0 k2
     and k1 k3; the pairs of the four columns follow each other, so that one pointer serves all;
   - weights each time, by two instructions for eight SMLAD. The blob holds them as they are needed here: c0k0 c1k0 c0k2
     c1k2 of two channels is one word, c0k1 c1k1 c0k3 c1k3 the next (docs/model-blob.md).

   A long kernel is done in parts, with the sums in memory between them: scratch stays small whatever the layer. */
#include "nn/convolution.h"

#include <string.h>

enum {
    COLUMNS = 4,                 /* of a block */
    PAIR_SUMS = 2 * COLUMNS,     /* of two channels: the first one's columns, the second one's */
    MOST_PAIRS = 16,             /* of channels whose sums are kept at a time */
    PART = 148,                  /* most kernel values of a part: a 7x7 kernel on a photo is one */
    PART_STEP = 16,              /* kernel values that the inner loop takes at a time */
    GROUP = 4,                   /* kernel values of one load of pixels */
    GROUP_WORDS = GROUP / 2 * COLUMNS /* and its words of pixels when widened */
};

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Kernel values of each part but the last: as few parts as possible, of even lengths. */
static uint32_t part_length(uint32_t length)
{
    const uint32_t parts = (length + PART - 1u) / PART;
    const uint32_t even = (length + parts - 1u) / parts;
    return lesser(length, (even + PART_STEP - 1u) / PART_STEP * PART_STEP);
}

static uint32_t pairs_of(const glimpse_layer *layer)
{
    return (layer->out_channels + 1u) / 2u;
}

static size_t pixel_words(const glimpse_layer *layer)
{
    return (size_t)part_length(glimpse_layer_kernel_length(layer)) / GROUP * GROUP_WORDS;
}

size_t glimpse_convolution_scratch_size(const glimpse_layer *layer)
{
    const size_t sums = (size_t)lesser(pairs_of(layer), MOST_PAIRS) * PAIR_SUMS;
    return (pixel_words(layer) + sums) * sizeof(uint32_t);
}

#ifdef __ARM_FEATURE_DSP

/* One group of two columns: their pairs lie beside each other, the odd values' behind those of all columns. */
static inline void widen_two(const int8_t *first, const int8_t *second, uint32_t *words)
{
    uint32_t a, b, c, d;
    memcpy(&a, first, sizeof a);
    memcpy(&b, second, sizeof b);
    __asm volatile("sxtb16  %[c], %[a]              \n"
                   "sxtb16  %[d], %[b]              \n"
                   "sxtb16  %[a], %[a], ror #8      \n"
                   "sxtb16  %[b], %[b], ror #8      \n"
                   "strd    %[c], %[d], [%[words]]  \n"
                   "strd    %[a], %[b], [%[words], #16] \n"
                   : [a] "+r"(a), [b] "+r"(b), [c] "=&r"(c), [d] "=&r"(d)
                   : [words] "r"(words)
                   : "memory");
}

/* The sum times a factor of Q31, at least a half, rounded half up. twice: the factor without its highest bit, doubled. */
static inline int32_t scale(int32_t sum, int32_t twice)
{
    int32_t scaled;
    __asm("smmlar %0, %1, %2, %1" : "=r"(scaled) : "r"(sum), "r"(twice));
    return scaled;
}

static inline int8_t saturate(int32_t value)
{
    int32_t saturated;
    __asm("ssat %0, #8, %1" : "=r"(saturated) : "r"(value));
    return (int8_t)saturated;
}

/* Two kernel values of eight sums: r4..r7 the first channel's, r8..r11 the second one's. */
#define TWO_VALUES                                                                                                     \
    "ldr     r3, [r2], #4        \n"                                                                                   \
    "ldrd    r12, lr, [r1], #8   \n"                                                                                   \
    "sxtb16  r0, r3              \n"                                                                                   \
    "sxtb16  r3, r3, ror #8      \n"                                                                                   \
    "smlad   r4, r12, r0, r4     \n"                                                                                   \
    "smlad   r8, r12, r3, r8     \n"                                                                                   \
    "smlad   r5, lr, r0, r5      \n"                                                                                   \
    "smlad   r9, lr, r3, r9      \n"                                                                                   \
    "ldrd    r12, lr, [r1], #8   \n"                                                                                   \
    "smlad   r6, r12, r0, r6     \n"                                                                                   \
    "smlad   r10, r12, r3, r10   \n"                                                                                   \
    "smlad   r7, lr, r0, r7      \n"                                                                                   \
    "smlad   r11, lr, r3, r11    \n"
#define FOUR_VALUES TWO_VALUES TWO_VALUES

/* Adds to sums [2][COLUMNS] the products of pixels, up to `end` (more than none, whole groups), and weights. As a whole
   in assembly: the compiler keeps no fourteen registers busy without spilling some. */
__attribute__((naked, noinline)) static void
accumulate(int32_t *sums __attribute__((unused)), const uint32_t *pixels __attribute__((unused)),
           const int8_t *weights __attribute__((unused)), const uint32_t *end __attribute__((unused)))
{
    __asm volatile("push    {r0, r3-r11, lr}    \n"
                   "ldm     r0, {r4-r11}        \n"
                   "sub     r0, r3, r1          \n" /* whole steps of 16 values: 128 bytes of pixels */
                   "bics    r0, r0, #127        \n"
                   "beq     2f                  \n"
                   "add     r0, r0, r1          \n"
                   "push    {r0}                \n"
                   ".p2align 2                  \n"
                   "1:                          \n" FOUR_VALUES FOUR_VALUES FOUR_VALUES FOUR_VALUES
                   "ldr     r12, [sp]           \n"
                   "cmp     r12, r1             \n"
                   "bne     1b                  \n"
                   "add     sp, sp, #4          \n"
                   "2:                          \n"
                   "ldr     r12, [sp, #4]       \n"
                   "cmp     r12, r1             \n"
                   "beq     4f                  \n"
                   "3:                          \n" FOUR_VALUES
                   "ldr     r12, [sp, #4]       \n"
                   "cmp     r12, r1             \n"
                   "bne     3b                  \n"
                   "4:                          \n"
                   "pop     {r0, r3}            \n"
                   "stm     r0, {r4-r11}        \n"
                   "pop     {r4-r11, pc}        \n");
}

#else

static uint32_t widen_pair(const int8_t *values)
{
    return (uint16_t)values[0] | (uint32_t)values[2] << 16;
}

static void widen_two(const int8_t *first, const int8_t *second, uint32_t *words)
{
    words[0] = widen_pair(first);
    words[1] = widen_pair(second);
    words[COLUMNS] = widen_pair(first + 1);
    words[COLUMNS + 1] = widen_pair(second + 1);
}

static int32_t scale(int32_t sum, int32_t twice)
{
    return (int32_t)(sum + (((int64_t)sum * twice + ((int64_t)1 << 31)) >> 32));
}

static int8_t saturate(int32_t value)
{
    return (int8_t)(value < INT8_MIN ? INT8_MIN : value > INT8_MAX ? INT8_MAX : value);
}

static void accumulate(int32_t *sums, const uint32_t *pixels, const int8_t *weights, const uint32_t *end)
{
    for (; pixels != end; pixels += COLUMNS, weights += 4) {
        for (uint32_t column = 0; column < COLUMNS; column++) {
            const int32_t first = (int16_t)pixels[column];
            const int32_t second = (int16_t)(pixels[column] >> 16);
            sums[column] += first * weights[0] + second * weights[2];
            sums[COLUMNS + column] += first * weights[1] + second * weights[3];
        }
    }
}

#endif

/* `length` kernel values, whole groups, of `columns` columns that are `step` bytes apart. Columns that are not there
   repeat the last one. */
static void widen_pixels(const int8_t *pixels, uint32_t step, uint32_t columns, uint32_t length, uint32_t *words)
{
    const int8_t *second = pixels + (columns > 1 ? step : 0);
    const int8_t *third = second + (columns > 2 ? step : 0);
    const int8_t *fourth = third + (columns > 3 ? step : 0);
    const int8_t *const end = pixels + length;
    for (; pixels != end; words += GROUP_WORDS) {
        widen_two(pixels, second, words);
        widen_two(third, fourth, words + 2);
        pixels += GROUP;
        second += GROUP;
        third += GROUP;
        fourth += GROUP;
    }
}

/* Sums start at the bias, which holds the input's zero point already. */
static void begin_sums(const int32_t *bias, uint32_t channels, int32_t *sums)
{
    for (; channels > 0; channels--, sums += COLUMNS) {
        const int32_t value = *bias++;
        for (uint32_t column = 0; column < COLUMNS; column++) {
            sums[column] = value;
        }
    }
}

/* What scale() does not know: a shift to the left before it, and the factor 0. */
static void prepare_sums(int32_t *sums, int32_t multiplier, int32_t shift)
{
    for (uint32_t column = 0; column < COLUMNS && (shift > 0 || multiplier == 0); column++) {
        sums[column] = multiplier == 0 ? 0 : sums[column] * (int32_t)(1u << shift);
    }
}

/* TensorFlow Lite's requantisation of one channel: rounded half up at 31 bits, then half away from zero at the shift.
   What could overflow was refused when the model was loaded. */
static void put_channel(const glimpse_layer *layer, uint32_t channel, int32_t *sums, uint32_t columns, int8_t *output)
{
    const int32_t shift = layer->shift[channel];
    const int32_t twice = (int32_t)((uint32_t)layer->multiplier[channel] << 1);
    const int32_t right = shift < 0 ? -shift : 0;
    const int32_t half = right > 0 ? (int32_t)(1u << (right - 1)) : 0;
    const int32_t negative = right > 0 ? -1 : 0;
    const int32_t zero = layer->out_zero;
    const uint32_t pitch = layer->out_channels;
    prepare_sums(sums, layer->multiplier[channel], shift);
    for (const int32_t *const end = sums + columns; sums != end; output += pitch) {
        const int32_t scaled = scale(*sums++, twice);
        *output = saturate(((scaled + ((scaled >> 31) & negative) + half) >> right) + zero);
    }
}

static void clamp(const glimpse_layer *layer, uint32_t count, int8_t *output)
{
    if (layer->minimum == INT8_MIN && layer->maximum == INT8_MAX) {
        return;
    }
    for (; count > 0; count--, output++) {
        const int8_t value = *output < layer->minimum ? (int8_t)layer->minimum : *output;
        *output = value > layer->maximum ? (int8_t)layer->maximum : value;
    }
}

/* Up to COLUMNS columns of the channels from `first` on. */
static void block(const glimpse_layer *layer, const int8_t *window, uint32_t columns, uint32_t first, uint32_t *pixels,
                  int8_t *output)
{
    const uint32_t length = glimpse_layer_kernel_length(layer);
    const uint32_t part = part_length(length);
    const uint32_t step = (uint32_t)layer->stride_x * layer->kernel_height * layer->in_channels;
    const uint32_t channels = lesser(layer->out_channels - first, 2 * MOST_PAIRS);
    int32_t *const sums = (int32_t *)(pixels + pixel_words(layer));
    begin_sums(layer->bias + first, channels, sums);
    if (channels % 2 != 0) {
        memset(sums + channels * COLUMNS, 0, COLUMNS * sizeof *sums);
    }
    for (uint32_t from = 0; from < length; from += part) {
        const uint32_t taken = lesser(part, length - from);
        widen_pixels(window + from, step, columns, taken, pixels);
        const int8_t *weights = layer->weights + (size_t)first * length + 2u * from;
        for (uint32_t channel = 0; channel < channels; channel += 2, weights += 2u * length) {
            accumulate(sums + channel * COLUMNS, pixels, weights, pixels + taken / GROUP * GROUP_WORDS);
        }
    }
    for (uint32_t channel = 0; channel < channels; channel++) {
        put_channel(layer, first + channel, sums + channel * COLUMNS, columns, output + first + channel);
    }
}

void glimpse_convolution_columns(const glimpse_layer *layer, const int8_t *window, uint32_t columns, void *scratch,
                                 int8_t *output)
{
    const uint32_t step = (uint32_t)layer->stride_x * layer->kernel_height * layer->in_channels;
    for (uint32_t at = 0; at < columns; at += COLUMNS) {
        for (uint32_t first = 0; first < layer->out_channels; first += 2 * MOST_PAIRS) {
            block(layer, window + at * step, lesser(columns - at, COLUMNS), first, scratch,
                  output + at * layer->out_channels);
        }
    }
    clamp(layer, columns * layer->out_channels, output);
}
