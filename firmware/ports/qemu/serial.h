/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_PORTS_QEMU_SERIAL_H
#define GLIMPSE_PORTS_QEMU_SERIAL_H

/* Waits until the emulator has taken the last byte. */
void serial_finish(void);

#endif
