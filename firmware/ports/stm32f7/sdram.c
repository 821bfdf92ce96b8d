/* SPDX-License-Identifier: Apache-2.0 */
/* MT48LC4M32B2 of which the board wires half the data lines: 8 MB, on the first of the FMC's SDRAM banks (UM1907;
   RM0385 section 13.7). Times are those of its grade -6A, in ticks of 108 MHz, half the core's clock.

   It is swapped to 0x60000000, where the core's default memory map has cached memory; at 0xC0000000 it would be a
   device, where an unaligned access is a fault (RM0385 section 7.2.1). */
#include "ports/stm32f7/sdram.h"

#include "ports/stm32f7/clock.h"
#include "ports/stm32f7/pins.h"
#include "stm32f7xx.h"

enum {
    FMC_FUNCTION = 12, /* of the pins */
    CAS_TICKS = 3,
    REFRESHES = 8,                  /* before the first use */
    REFRESH_MS = 64,                /* for all rows */
    ROWS = 4096,
    REFRESH_MARGIN = 20,            /* ticks, RM0385 13.7.5 */
    MODE = CAS_TICKS << 4 | 1 << 9, /* one word at a time */
    COMMAND_CLOCK = 1,
    COMMAND_PRECHARGE = 2,
    COMMAND_REFRESH = 3,
    COMMAND_MODE = 4,
    COMMAND_MS = 2
};

/* From the linker script. */
extern uint8_t __external_start[], __external_end[];

/* Bits of ports C to H: address, data and control lines. */
static void connect_pins(void)
{
    static const uint16_t pins[] = {
        1u << 3,                                                                /* C: SDCKE0 */
        1u << 0 | 1u << 1 | 1u << 8 | 1u << 9 | 1u << 10 | 1u << 14 | 1u << 15, /* D: D2 D3 D13 D14 D15 D0 D1 */
        0xFF80u | 1u << 0 | 1u << 1,                                            /* E: D4 to D12, NBL0, NBL1 */
        0xF83Fu,                                                                /* F: A0 to A5, SDNRAS, A6 to A9 */
        1u << 0 | 1u << 1 | 1u << 4 | 1u << 5 | 1u << 8 | 1u << 15, /* G: A10, A11, BA0, BA1, SDCLK, SDNCAS */
        1u << 3 | 1u << 5,                                          /* H: SDNE0, SDNWE */
    };
    for (uint32_t port = 0; port < sizeof pins / sizeof *pins; port++) {
        GPIO_TypeDef *const gpio = (GPIO_TypeDef *)(GPIOC_BASE + port * (GPIOD_BASE - GPIOC_BASE));
        for (uint32_t pin = 0; pin < 16; pin++) {
            if ((pins[port] >> pin & 1u) != 0) {
                pin_connect(gpio, pin, FMC_FUNCTION);
                gpio->OSPEEDR |= 3u << (2u * pin);
            }
        }
    }
}

static bool command(uint32_t mode, uint32_t refreshes, uint32_t value)
{
    FMC_Bank5_6->SDCMR = mode | FMC_SDCMR_CTB1 | (refreshes - 1u) << FMC_SDCMR_NRFS_Pos | value << FMC_SDCMR_MRD_Pos;
    return clock_wait(&FMC_Bank5_6->SDSR, FMC_SDSR_BUSY, 0, COMMAND_MS);
}

/* RM0385 13.7.3, in its order. */
static bool start_memory(void)
{
    FMC_Bank5_6->SDCR[0] = 0u << FMC_SDCR1_NC_Pos | 1u << FMC_SDCR1_NR_Pos | 1u << FMC_SDCR1_MWID_Pos | FMC_SDCR1_NB |
                           (uint32_t)CAS_TICKS << FMC_SDCR1_CAS_Pos | 2u << FMC_SDCR1_SDCLK_Pos | FMC_SDCR1_RBURST;
    FMC_Bank5_6->SDTR[0] = (2u - 1u) << FMC_SDTR1_TMRD_Pos |   /* load mode register to active: 2 ticks */
                           (8u - 1u) << FMC_SDTR1_TXSR_Pos |   /* exit self-refresh: 67 ns */
                           (5u - 1u) << FMC_SDTR1_TRAS_Pos |   /* active to precharge: 42 ns */
                           (7u - 1u) << FMC_SDTR1_TRC_Pos |    /* row cycle: 60 ns */
                           (3u - 1u) << FMC_SDTR1_TWR_Pos |    /* write recovery: no less than tRAS - tRCD */
                           (2u - 1u) << FMC_SDTR1_TRP_Pos |    /* precharge: 18 ns */
                           (2u - 1u) << FMC_SDTR1_TRCD_Pos;    /* row to column: 18 ns */
    if (!command(COMMAND_CLOCK, 1, 0)) {
        return false;
    }
    clock_pause(1); /* 100 us at least */
    if (!command(COMMAND_PRECHARGE, 1, 0) || !command(COMMAND_REFRESH, REFRESHES, 0) ||
        !command(COMMAND_MODE, 1, MODE)) {
        return false;
    }
    FMC_Bank5_6->SDRTR = (clock_core_hz() / 2000u * REFRESH_MS / ROWS - REFRESH_MARGIN) << FMC_SDRTR_COUNT_Pos;
    return true;
}

bool sdram_start(void)
{
    if (&__external_end[0] == &__external_start[0]) {
        return true;
    }
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIOCEN | RCC_AHB1ENR_GPIODEN | RCC_AHB1ENR_GPIOEEN | RCC_AHB1ENR_GPIOFEN |
                    RCC_AHB1ENR_GPIOGEN | RCC_AHB1ENR_GPIOHEN;
    RCC->AHB3ENR |= RCC_AHB3ENR_FMCEN;
    RCC->APB2ENR |= RCC_APB2ENR_SYSCFGEN;
    (void)RCC->APB2ENR;
    connect_pins();
    SYSCFG->MEMRMP = (SYSCFG->MEMRMP & ~SYSCFG_MEMRMP_SWP_FMC) | SYSCFG_MEMRMP_SWP_FMC_0;
    __DSB();
    return start_memory();
}
