/* SPDX-License-Identifier: Apache-2.0 */
#include "app/node.h"
#include "ports/port.h"

int main(void)
{
    port_init();
    node_start(PORT_SERIAL_INTERRUPT);
    for (;;) {
        node_poll();
        node_rest();
    }
}
