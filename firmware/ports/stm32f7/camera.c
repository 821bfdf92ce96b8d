/* SPDX-License-Identifier: Apache-2.0 */
/* The camera connector P1 with an OV9655 (STM32F4DIS-CAM): pictures by DCMI and DMA2 (RM0385 sections 18 and 8).

   The sensor gives a row every 0.2 ms and the network takes one in 1 to 2 ms. A sensor slowed down to that would take
   half a second for a picture: what moves would lean, and no exposure would be shorter than a row, too long for
   daylight. So a whole picture is caught as it comes, and read from memory: the middle 224 x 224 of the sensor's
   320 x 240, cut by the DCMI, which are 98 kB of the 100 that there may be, need no scaling, and leave out 7 % of the
   height. */
#include <stdalign.h>

#include "ports/cortexm/cortexm.h"
#include "ports/exposure.h"
#include "ports/ov9655.h"
#include "ports/port.h"
#include "ports/rgb565.h"
#include "ports/stm32f7/clock.h"
#include "ports/stm32f7/pins.h"
#include "stm32f7xx.h"

enum {
    SIDE = 224,
    PIXELS = SIDE * SIDE,
    DCMI_FUNCTION = 13, /* of the pins */
    POWER_PIN = 13,     /* of port H, DCMI_PWR_EN: low wakes the sensor */
    WAKE_MS = 10,
    FRAME_MS = 400, /* two frames in dim light, where the sensor slows down */
    MEAN_STEP = 31  /* pixels: every column is met */
};

/* Placed by the linker; `glimpse bench` tells it apart by this name. Whole lines of the data cache. */
alignas(32) static uint16_t camera_snapshot[PIXELS] __attribute__((section(".noinit.camera")));
static uint32_t next = PIXELS; /* pixel */

static void connect_pins(void)
{
    static const struct {
        uint8_t port, pin; /* of ports from A */
    } pins[] = {
        {7, 9},  {7, 10}, {7, 11}, {7, 12}, {7, 14}, {3, 3}, {4, 5}, {4, 6}, /* D0 to D7 */
        {0, 4},  {0, 6},  {6, 9},                                             /* HSYNC, PIXCLK, VSYNC */
    };
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIOAEN | RCC_AHB1ENR_GPIODEN | RCC_AHB1ENR_GPIOEEN | RCC_AHB1ENR_GPIOGEN |
                    RCC_AHB1ENR_GPIOHEN | RCC_AHB1ENR_DMA2EN;
    RCC->AHB2ENR |= RCC_AHB2ENR_DCMIEN;
    (void)RCC->AHB2ENR;
    for (uint32_t i = 0; i < sizeof pins / sizeof *pins; i++) {
        GPIO_TypeDef *const port = (GPIO_TypeDef *)(GPIOA_BASE + pins[i].port * (GPIOB_BASE - GPIOA_BASE));
        pin_connect(port, pins[i].pin, DCMI_FUNCTION);
    }
}

static void set_power(bool on)
{
    GPIOH->BSRR = 1u << (POWER_PIN + (on ? 16u : 0u));
    GPIOH->MODER = (GPIOH->MODER & ~(3u << (2u * POWER_PIN))) | (1u << (2u * POWER_PIN));
}

/* Everything anew for every picture: the module may have been plugged in since the last one. */
static bool wake(void)
{
    uint8_t product = 0;
    connect_pins();
    set_power(true);
    clock_pause(WAKE_MS);
    sccb_open();
    if (!sccb_read(OV9655_ADDRESS, OV9655_PID, &product) || product != OV9655_PID_VALUE ||
        !sccb_write_all(OV9655_ADDRESS, ov9655_reset, sizeof ov9655_reset / sizeof *ov9655_reset)) {
        return false;
    }
    clock_pause(WAKE_MS);
    return sccb_write_all(OV9655_ADDRESS, ov9655_qvga_rgb565, sizeof ov9655_qvga_rgb565 / sizeof *ov9655_qvga_rgb565);
}

/* DMA2's stream 1, channel 1: words from the DCMI, whose FIFO has four of them (RM0385 table 25). */
static bool start_dma(void)
{
    DMA2_Stream1->CR = 0;
    if (!clock_wait(&DMA2_Stream1->CR, DMA_SxCR_EN, 0, 1)) {
        return false;
    }
    DMA2->LIFCR =
        DMA_LIFCR_CTCIF1 | DMA_LIFCR_CHTIF1 | DMA_LIFCR_CTEIF1 | DMA_LIFCR_CDMEIF1 | DMA_LIFCR_CFEIF1;
    DMA2_Stream1->PAR = (uint32_t)(uintptr_t)&DCMI->DR;
    DMA2_Stream1->M0AR = (uint32_t)(uintptr_t)camera_snapshot;
    DMA2_Stream1->NDTR = sizeof camera_snapshot / 4u;
    DMA2_Stream1->CR = 1u << DMA_SxCR_CHSEL_Pos | 3u << DMA_SxCR_PL_Pos | 2u << DMA_SxCR_MSIZE_Pos |
                       2u << DMA_SxCR_PSIZE_Pos | DMA_SxCR_MINC | DMA_SxCR_EN;
    return true;
}

/* VSYNC high and HREF low say that there are no data; a byte is there when the pixel clock rises. */
static void start_dcmi(void)
{
    const uint32_t sideways = (OV9655_WIDTH - SIDE) / 2u, down = (OV9655_HEIGHT - SIDE) / 2u;
    DCMI->CR = DCMI_CR_CM | DCMI_CR_CROP | DCMI_CR_PCKPOL | DCMI_CR_VSPOL;
    DCMI->ICR = DCMI_ICR_FRAME_ISC | DCMI_ICR_OVR_ISC | DCMI_ICR_ERR_ISC | DCMI_ICR_VSYNC_ISC | DCMI_ICR_LINE_ISC;
    DCMI->CWSTRTR = down << 16 | 2u * sideways; /* rows, and clocks: two bytes a pixel */
    DCMI->CWSIZER = (SIDE - 1u) << 16 | (2u * SIDE - 1u);
    DCMI->CR |= DCMI_CR_ENABLE;
    DCMI->CR |= DCMI_CR_CAPTURE;
}

/* The next whole frame into memory. */
static bool take_snapshot(void)
{
    if (!start_dma()) {
        return false;
    }
    start_dcmi();
    const bool whole = clock_wait_any(&DMA2->LISR, DMA_LISR_TCIF1 | DMA_LISR_TEIF1, FRAME_MS) &&
                       (DMA2->LISR & DMA_LISR_TEIF1) == 0 && (DCMI->RISR & DCMI_RIS_OVR_RIS) == 0;
    DCMI->CR = 0;
    DMA2_Stream1->CR = 0;
    SCB_InvalidateDCache_by_Addr((uint32_t *)(void *)camera_snapshot, (int32_t)sizeof camera_snapshot);
    return whole;
}

static uint8_t snapshot_mean(void)
{
    uint32_t sum = 0, count = 0;
    for (uint32_t i = 0; i < PIXELS; i += MEAN_STEP) {
        sum += rgb565_level(camera_snapshot[i]);
        count++;
    }
    return (uint8_t)(sum / count);
}

static bool take_settled_snapshot(void)
{
    exposure_watch watch = {0};
    do {
        port_watchdog_feed();
        if (!take_snapshot()) {
            return false;
        }
    } while (!exposure_settled(&watch, snapshot_mean()));
    return true;
}

bool port_camera_begin(const port_camera_frame *wanted, port_camera_frame *frame)
{
    (void)wanted; /* the sensor has one size */
    *frame = (port_camera_frame){SIDE, SIDE};
    const bool taken = wake() && take_settled_snapshot();
    set_power(false);
    next = taken ? 0 : PIXELS;
    return taken;
}

bool port_camera_read(uint8_t *rgb, size_t bytes)
{
    const size_t pixels = bytes / 3u;
    if (bytes % 3u != 0 || pixels > PIXELS - next) {
        return false;
    }
    for (size_t i = 0; i < pixels; i++) {
        rgb565_to_rgb888(camera_snapshot[next + i], rgb + 3u * i);
    }
    next += pixels;
    return true;
}

void port_camera_end(void)
{
    next = PIXELS;
}
