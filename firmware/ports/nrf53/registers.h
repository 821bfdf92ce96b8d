/* SPDX-License-Identifier: Apache-2.0 */
/* The few registers of the nRF5340's application core that the node uses, at their secure addresses. Names and offsets
   after the nRF5340 Product Specification v1.3, in the section of the peripheral that is named with each. */
#ifndef GLIMPSE_PORTS_NRF53_REGISTERS_H
#define GLIMPSE_PORTS_NRF53_REGISTERS_H

#include "ports/cortexm/cortexm.h"

/* FICR: trim values that the firmware has to copy to their registers, TRIMCNF[32] of {address, data}. */
#define FICR_TRIM_ADDRESS(n) REGISTER(0x00FF0300u + 8u * (n))
#define FICR_TRIM_DATA(n) REGISTER(0x00FF0304u + 8u * (n))

/* UICR and CTRL-AP: a debugger stays locked out until both agree that it may come in. */
#define UICR_APPROTECT REGISTER(0x00FF8000u)
#define UICR_SECUREAPPROTECT REGISTER(0x00FF801Cu)
#define CTRLAP_APPROTECT_DISABLE REGISTER(0x50006544u)
#define CTRLAP_SECUREAPPROTECT_DISABLE REGISTER(0x5000654Cu)

/* CACHE */
#define CACHE_ENABLE REGISTER(0x50001500u)
#define CACHE_INVALIDATE REGISTER(0x50001504u)

/* CLOCK */
#define CLOCK_TASKS_HFCLKSTART REGISTER(0x50005000u)
#define CLOCK_EVENTS_HFCLKSTARTED REGISTER(0x50005100u)
#define CLOCK_HFCLKCTRL REGISTER(0x50005558u) /* 0: 128 MHz, 1: 64 MHz */

/* RESET */
#define RESET_RESETREAS REGISTER(0x50005400u)
#define RESETREAS_DOG0 (1u << 1)
#define RESETREAS_SREQ (1u << 3)
#define RESETREAS_LOCKUP (1u << 4)
#define RESETREAS_DOG1 (1u << 18)

/* GPIO, port P0 */
#define P0_OUTSET REGISTER(0x50842508u)
#define P0_DIRSET REGISTER(0x50842518u)
#define P0_PIN_CNF(n) REGISTER(0x50842700u + 4u * (n))
#define PIN_CNF_OUTPUT 3u /* output, input buffer disconnected */
#define PIN_CNF_INPUT_PULL_UP (3u << 2)

/* UARTE0, serial instance 0 */
#define UARTE0_INTERRUPT 8u
#define UARTE0_TASKS_STARTRX REGISTER(0x50008000u)
#define UARTE0_TASKS_STOPRX REGISTER(0x50008004u)
#define UARTE0_TASKS_STARTTX REGISTER(0x50008008u)
#define UARTE0_TASKS_STOPTX REGISTER(0x5000800Cu)
#define UARTE0_EVENTS_ENDRX REGISTER(0x50008110u)
#define UARTE0_EVENTS_ENDTX REGISTER(0x50008120u)
#define UARTE0_EVENTS_ERROR REGISTER(0x50008124u)
#define UARTE0_EVENTS_RXTO REGISTER(0x50008144u)
#define UARTE0_EVENTS_TXSTOPPED REGISTER(0x50008158u)
#define UARTE0_INTENSET REGISTER(0x50008304u)
#define UARTE0_INTENCLR REGISTER(0x50008308u)
#define UARTE0_ERRORSRC REGISTER(0x50008480u)
#define UARTE0_ENABLE REGISTER(0x50008500u)
#define UARTE0_PSEL_RTS REGISTER(0x50008508u)
#define UARTE0_PSEL_TXD REGISTER(0x5000850Cu)
#define UARTE0_PSEL_CTS REGISTER(0x50008510u)
#define UARTE0_PSEL_RXD REGISTER(0x50008514u)
#define UARTE0_BAUDRATE REGISTER(0x50008524u)
#define UARTE0_RXD_PTR REGISTER(0x50008534u)
#define UARTE0_RXD_MAXCNT REGISTER(0x50008538u)
#define UARTE0_TXD_PTR REGISTER(0x50008544u)
#define UARTE0_TXD_MAXCNT REGISTER(0x50008548u)
#define UARTE0_CONFIG REGISTER(0x5000856Cu)
#define UARTE_ENABLED 8u
#define UARTE_BAUDRATE_115200 0x01D60000u
#define UARTE_DISCONNECTED 0xFFFFFFFFu
#define UARTE_INT_ENDRX (1u << 4)
#define UARTE_ERROR_OVERRUN (1u << 0)

/* WDT0 */
#define WDT0_TASKS_START REGISTER(0x50018000u)
#define WDT0_CRV REGISTER(0x50018504u)
#define WDT0_RREN REGISTER(0x50018508u)
#define WDT0_CONFIG REGISTER(0x5001850Cu)
#define WDT0_RR0 REGISTER(0x50018600u)
#define WDT_RELOAD 0x6E524635u

/* NVMC */
#define NVMC_READY REGISTER(0x50039400u)
#define NVMC_CONFIG REGISTER(0x50039504u)
#define NVMC_READ_ONLY 0u
#define NVMC_WRITE 1u
#define NVMC_ERASE 2u
#define NVMC_PAGE_BYTES 4096u

/* Waits until (reg & mask) == wanted, for about 20 cycles a turn; false when that did not come. */
#define WAIT_UNTIL(reg, mask, wanted, turns) wait_until(&(reg), (mask), (wanted), (turns))
static inline _Bool wait_until(const volatile uint32_t *reg, uint32_t mask, uint32_t wanted, uint32_t turns)
{
    while ((*reg & mask) != wanted) {
        if (turns-- == 0) {
            return 0;
        }
    }
    return 1;
}

#endif
