/* SPDX-License-Identifier: Apache-2.0 */
/* From reset to main: vector table, memory, floating-point unit, C++ constructors; painting of the stack. */
#include <stddef.h>

#include "board.h"
#include "ports/cortexm/cortexm.h"
#include "ports/port.h"

/* From the linker script. */
extern uint32_t _stack_limit[], _estack[];
extern uint32_t __data_load[], __data_start[], __data_end[], __bss_start[], __bss_end[];
extern void (*__init_array_start[])(void);
extern void (*__init_array_end[])(void);

extern int main(void);
void Reset_Handler(void);
void cortexm_fault_entry(void);

#define SCB_VTOR REGISTER(0xE000ED08u)
#define SCB_AIRCR REGISTER(0xE000ED0Cu)
#define SCB_SHCSR REGISTER(0xE000ED24u)
#define SCB_CPACR REGISTER(0xE000ED88u)
#define NVIC_ENABLE(n) REGISTER(0xE000E100u + 4u * (n))
#define NVIC_DISABLE(n) REGISTER(0xE000E180u + 4u * (n))

static const uint32_t paint = 0xC5C5C5C5u;

static void interrupt_entry(void)
{
    uint32_t exception;
    __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
    board_interrupt((exception & 0x1FFu) - 16u);
}

typedef void (*vector)(void);

/* Armv7-M B1.5.3: word 0 is the initial stack pointer, then exceptions 1 to 15, then the interrupts. */
__attribute__((section(".vectors"), used)) static const vector vectors[16 + BOARD_INTERRUPTS] = {
    [0] = (vector)(uintptr_t)_estack,
    [1] = Reset_Handler,
    [2] = board_non_maskable_interrupt,
    [3 ... 15] = cortexm_fault_entry,
    [16 ... 15 + BOARD_INTERRUPTS] = interrupt_entry,
};

__attribute__((noreturn, used)) void Reset_Handler(void)
{
    /* Everything below this function's own frame; 64 bytes are left for it. */
    uint32_t *stack_pointer;
    __asm__ volatile("mov %0, sp" : "=r"(stack_pointer));
    for (volatile uint32_t *word = _stack_limit; word < stack_pointer - 16; word++) {
        *word = paint;
    }

    SCB_VTOR = (uint32_t)(uintptr_t)vectors;
#ifdef __ARM_FP
    SCB_CPACR |= 0xFu << 20;
#endif
#ifdef __ARM_ARCH_8M_MAIN__
    __asm__ volatile("msr msplim, %0" ::"r"(_stack_limit));
#endif
    SCB_SHCSR |= 7u << 16; /* memory, bus and usage faults each by their own name */
    __asm__ volatile("dsb\n isb" ::: "memory");

    const uint32_t *load = __data_load;
    for (uint32_t *word = __data_start; word < __data_end;) {
        *word++ = *load++;
    }
    for (uint32_t *word = __bss_start; word < __bss_end;) {
        *word++ = 0;
    }
    for (vector *constructor = __init_array_start; constructor < __init_array_end; constructor++) {
        (*constructor)();
    }

    port_exit(main());
}

void cortexm_interrupt_enable(uint32_t number)
{
    NVIC_ENABLE(number / 32u) = 1u << (number % 32u);
}

void cortexm_interrupt_disable(uint32_t number)
{
    NVIC_DISABLE(number / 32u) = 1u << (number % 32u);
    __asm__ volatile("dsb\n isb" ::: "memory");
}

_Noreturn void cortexm_system_reset(void)
{
    __asm__ volatile("dsb" ::: "memory");
    SCB_AIRCR = (0x5FAu << 16) | (1u << 2); /* key, SYSRESETREQ */
    for (;;) {
    }
}

_Noreturn void port_reset(void)
{
    board_before_reset(PORT_RESET_SOFTWARE);
    cortexm_system_reset();
}

size_t port_stack_peak(void)
{
    const uint32_t *word = _stack_limit;
    while (word < _estack && *word == paint) {
        word++;
    }
    return (size_t)(_estack - word) * sizeof *word;
}
