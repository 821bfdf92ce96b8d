/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status.h"

const char *glimpse_status_text(int status)
{
    switch (status) {
    case GLIMPSE_OK:
        return "no error";
    case GLIMPSE_ERROR_BUFFER:
        return "a buffer is too small";
    case GLIMPSE_ERROR_ARGUMENT:
        return "a parameter is out of range";
    case GLIMPSE_ERROR_STATE:
        return "called out of turn";
    case GLIMPSE_ERROR_LENGTH:
        return "too short or too long";
    case GLIMPSE_ERROR_CHECK:
        return "damaged on the way (check does not match)";
    case GLIMPSE_ERROR_ENCODING:
        return "not a COBS frame";
    case GLIMPSE_ERROR_VERSION:
        return "unknown version";
    case GLIMPSE_ERROR_KIND:
        return "unknown kind of packet";
    case GLIMPSE_ERROR_MODEL:
        return "made by another model";
    case GLIMPSE_ERROR_REVISION:
        return "made by another revision of the model";
    case GLIMPSE_ERROR_FRAME:
        return "belongs to another frame";
    case GLIMPSE_ERROR_RANGE:
        return "names symbols that the model does not have";
    case GLIMPSE_ERROR_BODY:
        return "malformed symbols";
    case GLIMPSE_ERROR_MODEL_FORMAT:
        return "not a model, or an impossible one";
    case GLIMPSE_ERROR_MODEL_LIMIT:
        return "the model needs more than this build offers";
    case GLIMPSE_ERROR_SOURCE:
        return "there is no camera, or it gives no frame";
    case GLIMPSE_ERROR_STORAGE:
        return "the flash refused";
    case GLIMPSE_ERROR_REFERENCE:
        return "a difference to a frame that is not there, or not the same";
    case GLIMPSE_ERROR_MAC:
        return "sealed with another key, by another device, or forged";
    case GLIMPSE_ERROR_REPLAY:
        return "a sealed packet that was taken before, or comes too late";
    case GLIMPSE_ERROR_COUNTER:
        return "the counter of sealed packets has ended; install a new key";
    case GLIMPSE_ERROR_PAYLOAD:
        return "sealed packets need payloads of 24 bytes or more";
    case GLIMPSE_ERROR_KEY:
        return "no key is installed";
    case GLIMPSE_ERROR_SIGNATURE:
        return "not signed with the key that this node demands";
    case GLIMPSE_ERROR_OLDER:
        return "an older revision than the model in use";
    case GLIMPSE_ERROR_TRIAL:
        return "the model in use has not made a photo yet, so the one before is kept";
    default:
        return status > 0 ? "no error" : "unknown error";
    }
}
