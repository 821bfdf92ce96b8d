/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_PORTS_STM32F7_MARK_H
#define GLIMPSE_PORTS_STM32F7_MARK_H

/* Makes the pins of port_mark outputs, low. */
void mark_open(void);

#endif
