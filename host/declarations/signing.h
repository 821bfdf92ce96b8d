/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures. What Python uses of this header, as cffi reads it. */
#include "monocypher.h"

void crypto_eddsa_key_pair(uint8_t *secret_key, uint8_t *public_key, uint8_t *seed);
void crypto_eddsa_sign(uint8_t *signature, const uint8_t *secret_key, const uint8_t *message, size_t message_size);
int crypto_eddsa_check(const uint8_t *signature, const uint8_t *public_key, const uint8_t *message,
                       size_t message_size);
