/* SPDX-License-Identifier: Apache-2.0 */
/* What the start-up code asks of the port of a board, and offers to it. */
#ifndef GLIMPSE_PORTS_CORTEXM_H
#define GLIMPSE_PORTS_CORTEXM_H

#include <stdint.h>

/* Memory-mapped register of 32 bits. */
#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* Answered by the port ----------------------------------------------------------------------------- */

/* Interrupt `number` of the NVIC (0 is the first after the system exceptions) was taken. */
void board_interrupt(uint32_t number);

/* The non-maskable interrupt was taken. */
void board_non_maskable_interrupt(void);

/* The core resets next, for `cause` (a port_reset_cause): remembers it where the hardware does not, and lets the serial
   line finish what it was given, within a bounded time on a real board. */
void board_before_reset(uint32_t cause);

/* Ends the emulator, or resets a board, after a fault was reported. */
_Noreturn void board_after_fault(void);

/* Offered by cortexm ------------------------------------------------------------------------------- */

void cortexm_interrupt_enable(uint32_t number);
void cortexm_interrupt_disable(uint32_t number);

/* SYSRESETREQ: the whole microcontroller (or emulator) starts again. */
_Noreturn void cortexm_system_reset(void);

/* Does nothing for at least so many cycles. */
static inline void cortexm_spin(uint32_t turns)
{
    __asm__ volatile("1: subs %0, %0, #1\n bpl 1b" : "+r"(turns)::"cc");
}

static inline uint32_t cortexm_interrupts_mask(void)
{
    uint32_t before;
    __asm__ volatile("mrs %0, primask\n cpsid i" : "=r"(before)::"memory");
    return before;
}

/* Rests until an interrupt is pending, also one that is masked, or longer than that by nothing. */
static inline void cortexm_wait_for_interrupt(void)
{
    __asm__ volatile("dsb\n wfi\n isb" ::: "memory");
}

static inline void cortexm_interrupts_restore(uint32_t before)
{
    __asm__ volatile("msr primask, %0" ::"r"(before) : "memory");
}

#endif
