/* Plain C, for processors without a kernel of their own. Codes and bits are widened to 16 bits, halves to floats. */
#include "kernel.h"

#include <string.h>

static void pack_codes(struct work *work, const int8_t *query) {
    int16_t *packed = work->query;
    memset(packed, 0, work->lanes * work->width * sizeof(int16_t));
    for (size_t token = 0; token < work->tokens; token++)
        for (size_t i = 0; i < work->dimension; i++)
            packed[token * work->width + i] = query[token * work->dimension + i];
}

static void pack_floats(struct work *work, const float *query) {
    float *packed = work->query;
    memset(packed, 0, work->lanes * work->width * sizeof(float));
    for (size_t token = 0; token < work->tokens; token++)
        memcpy(packed + token * work->width, query + token * work->dimension, work->dimension * sizeof(float));
}

static void load_codes(struct work *work, const int8_t *source, size_t count) {
    for (size_t row = 0; row < count; row++) {
        int16_t *loaded = (int16_t *)work->rows + row * work->width;
        int32_t squares = 0;
        for (size_t i = 0; i < work->dimension; i++) {
            loaded[i] = source[row * work->dimension + i];
            squares += loaded[i] * loaded[i];
        }
        work->factors[row] = inverse_length(squares);
    }
}

static void load_bits(struct work *work, const uint8_t *source, size_t count) {
    size_t bytes = (work->dimension + 7) / 8;
    float factor = 1.0f / sqrtf((float)work->dimension);
    for (size_t row = 0; row < count; row++) {
        int16_t *loaded = (int16_t *)work->rows + row * work->width;
        for (size_t i = 0; i < work->dimension; i++)
            loaded[i] = (int16_t)((source[row * bytes + i / 8] >> (i % 8) & 1) * 2 - 1);
        work->factors[row] = factor;
    }
}

static void load_units(struct work *work, const int8_t *source, size_t count) {
    for (size_t row = 0; row < count; row++) {
        const int8_t *codes = source + row * work->dimension;
        float *loaded = (float *)work->rows + row * work->width;
        int32_t squares = 0;
        for (size_t i = 0; i < work->dimension; i++) squares += codes[i] * codes[i];
        for (size_t i = 0; i < work->dimension; i++) loaded[i] = (float)codes[i] * inverse_length(squares);
    }
}

static float from_half(uint16_t half) {
    uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = half >> 10 & 31, fraction = half & 1023, bits;
    float value;
    if (exponent == 0) { /* zero or subnormal: fraction x 2^-24 */
        value = (float)fraction * 5.9604644775390625e-8f;
        return sign ? -value : value;
    }
    bits = sign | (exponent == 31 ? 255u : exponent + 112u) << 23 | fraction << 13;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void load_halves(struct work *work, const uint16_t *source, size_t count) {
    for (size_t row = 0; row < count; row++) {
        float *loaded = (float *)work->rows + row * work->width;
        for (size_t i = 0; i < work->dimension; i++) loaded[i] = from_half(source[row * work->dimension + i]);
    }
}

static void load_floats(struct work *work, const float *source, size_t count) {
    for (size_t row = 0; row < count; row++)
        memcpy((float *)work->rows + row * work->width, source + row * work->dimension, work->dimension * sizeof(float));
}

static void multiply_codes(struct work *work, size_t count) {
    for (size_t token = 0; token < work->tokens; token++) {
        const int16_t *query = (const int16_t *)work->query + token * work->width;
        float best = work->best[token];
        for (size_t row = 0; row < count; row++) {
            const int16_t *loaded = (const int16_t *)work->rows + row * work->width;
            int32_t sum = 0;
            for (size_t i = 0; i < work->dimension; i++) sum += loaded[i] * query[i];
            float product = (float)sum * work->factors[row];
            if (product > best) best = product;
        }
        work->best[token] = best;
    }
}

static void multiply_floats(struct work *work, size_t count) {
    for (size_t token = 0; token < work->tokens; token++) {
        const float *query = (const float *)work->query + token * work->width;
        float best = work->best[token];
        for (size_t row = 0; row < count; row++) {
            const float *loaded = (const float *)work->rows + row * work->width;
            float sums[8] = {0}; /* a compiler may not reorder one sum, so without these it would add one by one */
            size_t i = 0;
            for (; i + 8 <= work->dimension; i += 8)
                for (size_t j = 0; j < 8; j++) sums[j] += loaded[i + j] * query[i + j];
            for (; i < work->dimension; i++) sums[0] += loaded[i] * query[i];
            float product = ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
            if (product > best) best = product;
        }
        work->best[token] = best;
    }
}

const struct kernel plain_kernel = {
    "c", 1, pack_codes, pack_floats, load_codes, load_bits, load_units, load_halves, load_floats, multiply_codes, multiply_floats,
};
