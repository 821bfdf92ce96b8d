/* SPDX-License-Identifier: Apache-2.0 */
/* memcpy, memmove and memset by words: those of newlib-nano go byte by byte, and the encoder moves rows all the time.
   Unaligned word reads are fine on Armv7-M and Armv8-M mainline. */
#include <stddef.h>
#include <stdint.h>

/* The compiler must not see memcpy in these loops and call the function from itself. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

typedef uint32_t __attribute__((may_alias)) word;
typedef struct {
    uint32_t value;
} __attribute__((packed, may_alias)) unaligned_word;

void *memcpy(void *restrict destination, const void *restrict source, size_t count);
void *memmove(void *destination, const void *source, size_t count);
void *memset(void *destination, int value, size_t count);

static void copy_forwards(uint8_t *to, const uint8_t *from, size_t count)
{
    while (count > 0 && ((uintptr_t)to & 3u) != 0) {
        *to++ = *from++;
        count--;
    }
    if (((uintptr_t)from & 3u) == 0 && count >= 32) {
        const uint8_t *end = from + (count & ~(size_t)31u);
        __asm__ volatile("1: ldmia %[from]!, {r3, r4, r5, r6, r8, r9, r10, r12}\n"
                         "   stmia %[to]!, {r3, r4, r5, r6, r8, r9, r10, r12}\n"
                         "   cmp %[from], %[end]\n"
                         "   bne 1b\n"
                         : [from] "+r"(from), [to] "+r"(to)
                         : [end] "r"(end)
                         : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r12", "cc", "memory");
        count &= 31u;
    }
    for (; count >= 4; count -= 4, to += 4, from += 4) {
        *(word *)(void *)to = ((const unaligned_word *)(const void *)from)->value;
    }
    while (count-- > 0) {
        *to++ = *from++;
    }
}

static void copy_backwards(uint8_t *to, const uint8_t *from, size_t count)
{
    to += count;
    from += count;
    while (count > 0 && ((uintptr_t)to & 3u) != 0) {
        *--to = *--from;
        count--;
    }
    for (; count >= 4; count -= 4) {
        to -= 4;
        from -= 4;
        *(word *)(void *)to = ((const unaligned_word *)(const void *)from)->value;
    }
    while (count-- > 0) {
        *--to = *--from;
    }
}

__attribute__((used)) void *memcpy(void *restrict destination, const void *restrict source, size_t count)
{
    copy_forwards((uint8_t *)destination, (const uint8_t *)source, count);
    return destination;
}

__attribute__((used)) void *memmove(void *destination, const void *source, size_t count)
{
    /* Distance modulo 2^32: below `count` only when the destination starts inside the source. */
    if ((uintptr_t)destination - (uintptr_t)source < count) {
        copy_backwards((uint8_t *)destination, (const uint8_t *)source, count);
    } else {
        copy_forwards((uint8_t *)destination, (const uint8_t *)source, count);
    }
    return destination;
}

__attribute__((used)) void *memset(void *destination, int value, size_t count)
{
    uint8_t *to = (uint8_t *)destination;
    const uint8_t byte = (uint8_t)value;
    while (count > 0 && ((uintptr_t)to & 3u) != 0) {
        *to++ = byte;
        count--;
    }
    const uint32_t four = byte * 0x01010101u;
    if (count >= 32) {
        const uint8_t *end = to + (count & ~(size_t)31u);
        register uint32_t a __asm__("r4") = four;
        register uint32_t b __asm__("r5") = four;
        register uint32_t c __asm__("r6") = four;
        register uint32_t d __asm__("r8") = four;
        __asm__ volatile("1: stmia %[to]!, {r4, r5, r6, r8}\n"
                         "   stmia %[to]!, {r4, r5, r6, r8}\n"
                         "   cmp %[to], %[end]\n"
                         "   bne 1b\n"
                         : [to] "+r"(to)
                         : [end] "r"(end), "r"(a), "r"(b), "r"(c), "r"(d)
                         : "cc", "memory");
        count &= 31u;
    }
    for (; count >= 4; count -= 4, to += 4) {
        *(word *)(void *)to = four;
    }
    while (count-- > 0) {
        *to++ = byte;
    }
    return destination;
}
