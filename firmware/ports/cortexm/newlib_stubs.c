/* SPDX-License-Identifier: Apache-2.0 */
/* What newlib asks of a system. There is no heap and no file; the linker drops what nothing calls. */
#include <stddef.h>

#include "ports/port.h"

void *_sbrk(ptrdiff_t increment);
int _write(int file, const char *bytes, int count);
int _read(int file, char *bytes, int count);
int _close(int file);
int _lseek(int file, int offset, int whence);
int _fstat(int file, void *status);
int _isatty(int file);
int _getpid(void);
int _kill(int process, int signal);
void _exit(int status);
void _init(void);
void _fini(void);

void *_sbrk(ptrdiff_t increment)
{
    (void)increment;
    return (void *)-1;
}

int _write(int file, const char *bytes, int count)
{
    (void)file;
    if (count > 0) {
        port_serial_write((const uint8_t *)bytes, (size_t)count);
    }
    return count;
}

int _read(int file, char *bytes, int count)
{
    (void)file;
    (void)bytes;
    (void)count;
    return 0;
}

int _close(int file)
{
    (void)file;
    return -1;
}

int _lseek(int file, int offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    return 0;
}

int _fstat(int file, void *status)
{
    (void)file;
    (void)status;
    return -1;
}

int _isatty(int file)
{
    (void)file;
    return 1;
}

int _getpid(void)
{
    return 1;
}

int _kill(int process, int signal)
{
    (void)process;
    (void)signal;
    return -1;
}

void _exit(int status)
{
    port_exit(status);
}
void _init(void)
{
}
void _fini(void)
{
}
