/* SPDX-License-Identifier: Apache-2.0 */
/* A fault is said on the serial line, in one line, and then the emulator ends or the board starts again. */
#include <stdint.h>

#include "ports/cortexm/cortexm.h"
#include "ports/port.h"

extern uint32_t _stack_limit[], _estack[];

/* Configurable fault status register (Armv8-M D1.2.10): limit of the stack passed, fault addresses valid. */
#define STKOF (1u << 20)
#define MMARVALID (1u << 7)
#define BFARVALID (1u << 15)

/* Registers that the core pushed at the fault: r0-r3, r12, lr, pc, xpsr. */
__attribute__((noreturn, used)) void cortexm_fault_report(const uint32_t *frame);
void cortexm_fault_entry(void);

/* The stack itself may be what broke: with less than 512 bytes of it left the report starts at its top again. */
__attribute__((naked)) void cortexm_fault_entry(void)
{
    __asm__ volatile("  mrs r0, msp\n"
                     "  ldr r1, =_stack_limit\n"
                     "  ldr r2, =_estack\n"
                     "  add r1, r1, #512\n"
                     "  cmp r0, r1\n"
                     "  bhs 1f\n"
                     "  mov sp, r2\n"
                     "1:\n"
                     "  b cortexm_fault_report\n");
}

static void print_register(const char *name, uint32_t value)
{
    char digits[] = "=0x00000000";
    for (unsigned i = 0; i < 8; i++) {
        digits[3 + i] = "0123456789abcdef"[(value >> (28u - 4u * i)) & 15u];
    }
    port_text(name);
    port_text(digits);
}

void cortexm_fault_report(const uint32_t *frame)
{
    static volatile uint32_t nested;
    if (nested++ == 0) {
        const uint32_t configurable = REGISTER(0xE000ED28u);
        port_text("\nfault:");
        /* After an overflow the frame was not pushed in full: the address of the fault is lost. */
        const bool outside = frame < _stack_limit || frame + 8 > _estack;
        if (outside || (configurable & STKOF) != 0u) {
            port_text(" stack overflow");
        } else {
            print_register(" pc", frame[6]);
            print_register(" lr", frame[5]);
        }
        print_register(" cfsr", configurable);
        print_register(" hfsr", REGISTER(0xE000ED2Cu));
        if ((configurable & MMARVALID) != 0u) {
            print_register(" at", REGISTER(0xE000ED34u));
        }
        if ((configurable & BFARVALID) != 0u) {
            print_register(" at", REGISTER(0xE000ED38u));
        }
        port_text("\n");
    }
    board_after_fault();
}
