/* SPDX-License-Identifier: Apache-2.0 */
/* Files and exit of the machine that runs the emulator (Arm semihosting specification, release 2024Q3). */
#ifndef GLIMPSE_PORTS_SEMIHOSTING_H
#define GLIMPSE_PORTS_SEMIHOSTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { SEMIHOSTING_READ = 1, SEMIHOSTING_UPDATE = 3, SEMIHOSTING_CREATE = 7 } semihosting_mode; /* rb r+b w+b */

/* A handle, or -1 when the file cannot be opened. */
int32_t semihosting_open(const char *path, semihosting_mode mode);
void semihosting_close(int32_t file);

/* Bytes in the file, or -1. */
int32_t semihosting_length(int32_t file);
bool semihosting_seek(int32_t file, uint32_t offset);

/* False unless all of `count` bytes moved. */
bool semihosting_read(int32_t file, void *bytes, size_t count);
bool semihosting_write(int32_t file, const void *bytes, size_t count);
void semihosting_remove(const char *path);

_Noreturn void semihosting_exit(int code);

#endif
