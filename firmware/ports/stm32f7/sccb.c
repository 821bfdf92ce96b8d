/* SPDX-License-Identifier: Apache-2.0 */
/* I2C1 on PB8 (SCL) and PB9 (SDA), which the camera connector shares with the Arduino header (UM1907; RM0385 section
   30). */
#include "ports/sccb.h"

#include "ports/stm32f7/clock.h"
#include "ports/stm32f7/pins.h"
#include "stm32f7xx.h"

enum { ALTERNATE_FUNCTION = 4, ANSWER_MS = 3 /* of three bytes, which take 0.3 */ };

/* RM0385 30.4.9, standard mode: ticks of 0.2 us or a little more, SCL low for 25 of them and high for 24. */
static uint32_t timing(void)
{
    const uint32_t divider = (clock_apb1_hz() + 4999999u) / 5000000u;
    return (divider - 1u) << I2C_TIMINGR_PRESC_Pos | 6u << I2C_TIMINGR_SCLDEL_Pos | 2u << I2C_TIMINGR_SDADEL_Pos |
           23u << I2C_TIMINGR_SCLH_Pos | 24u << I2C_TIMINGR_SCLL_Pos;
}

void sccb_open(void)
{
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIOBEN;
    RCC->APB1ENR |= RCC_APB1ENR_I2C1EN;
    (void)RCC->APB1ENR;
    GPIOB->OTYPER |= 1u << 8 | 1u << 9;
    pin_connect(GPIOB, 8, ALTERNATE_FUNCTION);
    pin_connect(GPIOB, 9, ALTERNATE_FUNCTION);
    I2C1->CR1 = 0;
    I2C1->TIMINGR = timing();
    I2C1->CR1 = I2C_CR1_PE;
}

/* Until `wanted` is set; not when the device did not acknowledge. Switching off frees a bus that hangs. */
static bool wait(uint32_t wanted)
{
    const bool came = clock_wait_any(&I2C1->ISR, wanted | I2C_ISR_NACKF, ANSWER_MS);
    const bool refused = (I2C1->ISR & I2C_ISR_NACKF) != 0;
    if (!came || refused) {
        I2C1->CR1 = 0;
        (void)I2C1->CR1;
        I2C1->CR1 = I2C_CR1_PE;
        return false;
    }
    return true;
}

static bool finish(void)
{
    const bool stopped = wait(I2C_ISR_STOPF);
    I2C1->ICR = I2C_ICR_STOPCF | I2C_ICR_NACKCF;
    return stopped;
}

static void start(uint8_t device, uint32_t bytes, uint32_t direction)
{
    I2C1->CR2 = (uint32_t)device << 1 | bytes << I2C_CR2_NBYTES_Pos | direction | I2C_CR2_AUTOEND | I2C_CR2_START;
}

static bool send(uint8_t device, const uint8_t *bytes, uint32_t count)
{
    start(device, count, 0);
    for (uint32_t i = 0; i < count; i++) {
        if (!wait(I2C_ISR_TXIS)) {
            return false;
        }
        I2C1->TXDR = bytes[i];
    }
    return finish();
}

bool sccb_write(uint8_t device, uint8_t number, uint8_t value)
{
    const uint8_t bytes[2] = {number, value};
    return send(device, bytes, 2);
}

bool sccb_read(uint8_t device, uint8_t number, uint8_t *value)
{
    if (!send(device, &number, 1)) {
        return false;
    }
    start(device, 1, I2C_CR2_RD_WRN);
    if (!wait(I2C_ISR_RXNE)) {
        return false;
    }
    *value = (uint8_t)I2C1->RXDR;
    return finish();
}
