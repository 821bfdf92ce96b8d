/* SPDX-License-Identifier: Apache-2.0 */
/* Results of everything in core and nn: negative is an error, zero or more is a result. */
#ifndef GLIMPSE_CORE_STATUS_H
#define GLIMPSE_CORE_STATUS_H

typedef enum {
    GLIMPSE_OK = 0,
    GLIMPSE_ERROR_BUFFER = -1,        /* a caller's buffer is too small */
    GLIMPSE_ERROR_ARGUMENT = -2,      /* a parameter is outside its documented range */
    GLIMPSE_ERROR_STATE = -3,         /* called out of turn: a row before begin, end before the last row */
    GLIMPSE_ERROR_LENGTH = -4,        /* input shorter or longer than its format allows */
    GLIMPSE_ERROR_CHECK = -5,         /* the CRC does not match: damaged on the way */
    GLIMPSE_ERROR_ENCODING = -6,      /* not a COBS frame */
    GLIMPSE_ERROR_VERSION = -7,       /* a version that this code does not know */
    GLIMPSE_ERROR_KIND = -8,          /* a kind of packet that this code does not know */
    GLIMPSE_ERROR_MODEL = -9,         /* made by another model */
    GLIMPSE_ERROR_REVISION = -10,     /* made by another revision of the model */
    GLIMPSE_ERROR_FRAME = -11,        /* belongs to another frame */
    GLIMPSE_ERROR_RANGE = -12,        /* names symbols that the model does not have */
    GLIMPSE_ERROR_BODY = -13,         /* header sound, symbols malformed */
    GLIMPSE_ERROR_MODEL_FORMAT = -14, /* not a model blob, or one with impossible contents */
    GLIMPSE_ERROR_MODEL_LIMIT = -15,  /* a sound model that needs more than this build offers */
    GLIMPSE_ERROR_SOURCE = -16,       /* there is no camera, or it gives no frame */
    GLIMPSE_ERROR_STORAGE = -17,      /* the flash refused to be erased or written */
    GLIMPSE_ERROR_REFERENCE = -18,    /* a difference to a frame that is not there, or not the same */
    GLIMPSE_ERROR_MAC = -40,          /* sealed with another key, by another device, or forged or damaged */
    GLIMPSE_ERROR_REPLAY = -41,       /* sealed as it should be, but taken before or too late */
    GLIMPSE_ERROR_COUNTER = -42,      /* the counter of sealed packets has ended: no more with this key */
    GLIMPSE_ERROR_PAYLOAD = -43,      /* the link's payload is too small for sealed packets */
    GLIMPSE_ERROR_KEY = -44,          /* there is no key */
    GLIMPSE_ERROR_SIGNATURE = -45,    /* not signed with the key that the node demands */
    GLIMPSE_ERROR_OLDER = -46,        /* an older revision of the model in use */
    GLIMPSE_ERROR_TRIAL = -47         /* the model before is kept until the one on trial has made a photo */
} glimpse_status;

/* One lower-case phrase without a full stop, for any value; never NULL. */
const char *glimpse_status_text(int status);

#endif
