/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/qemu/semihosting.h"

#include <string.h>

enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_SEEK = 0x0A,
    SYS_FLEN = 0x0C,
    SYS_REMOVE = 0x0E,
    SYS_EXIT_EXTENDED = 0x20,
    ADP_STOPPED_APPLICATION_EXIT = 0x20026
};

static int32_t call(uint32_t operation, const void *block)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

static uint32_t address(const void *pointer)
{
    return (uint32_t)(uintptr_t)pointer;
}

int32_t semihosting_open(const char *path, semihosting_mode mode)
{
    const uint32_t block[3] = {address(path), (uint32_t)mode, strlen(path)};
    return call(SYS_OPEN, block);
}

void semihosting_close(int32_t file)
{
    const uint32_t block[1] = {(uint32_t)file};
    call(SYS_CLOSE, block);
}

int32_t semihosting_length(int32_t file)
{
    const uint32_t block[1] = {(uint32_t)file};
    return call(SYS_FLEN, block);
}

bool semihosting_seek(int32_t file, uint32_t offset)
{
    const uint32_t block[2] = {(uint32_t)file, offset};
    return call(SYS_SEEK, block) == 0;
}

bool semihosting_read(int32_t file, void *bytes, size_t count)
{
    const uint32_t block[3] = {(uint32_t)file, address(bytes), count};
    return call(SYS_READ, block) == 0;
}

bool semihosting_write(int32_t file, const void *bytes, size_t count)
{
    const uint32_t block[3] = {(uint32_t)file, address(bytes), count};
    return call(SYS_WRITE, block) == 0;
}

void semihosting_remove(const char *path)
{
    const uint32_t block[2] = {address(path), strlen(path)};
    call(SYS_REMOVE, block);
}

_Noreturn void semihosting_exit(int code)
{
    const uint32_t block[2] = {ADP_STOPPED_APPLICATION_EXIT, (uint32_t)code};
    for (;;) {
        call(SYS_EXIT_EXTENDED, block);
    }
}
