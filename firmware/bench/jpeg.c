/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/jpeg.h"

#include <string.h>

#if __has_include("stb_image_write.h")

/* Its other formats are left out by the linker; none of what is used here allocates. */
#define STBI_WRITE_NO_STDIO
#define STBIW_ASSERT(condition) ((void)(condition))
#define STBIW_MALLOC(size) ((void)(size), (void *)0)
#define STBIW_REALLOC(memory, size) ((void)(memory), (void)(size), (void *)0)
#define STBIW_FREE(memory) ((void)(memory))
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include "stb_image_write.h"

bool jpeg_available(void)
{
    return true;
}

static void append(void *context, void *data, int size)
{
    jpeg_file *const file = context;
    const size_t count = (size_t)size;
    if (file->length <= file->capacity && count <= file->capacity - file->length) {
        memcpy(file->bytes + file->length, data, count);
    }
    file->length += count;
}

bool jpeg_encode(const uint8_t *rgb, int width, int height, int quality, jpeg_file *file)
{
    file->length = 0;
    return stbi_write_jpg_to_func(append, file, width, height, 3, rgb, quality) != 0 && file->length <= file->capacity;
}

#else

bool jpeg_available(void)
{
    return false;
}

bool jpeg_encode(const uint8_t *rgb, int width, int height, int quality, jpeg_file *file)
{
    (void)rgb, (void)width, (void)height, (void)quality;
    file->length = 0;
    return false;
}

#endif
