/* AVX-512 with VNNI: one instruction multiplies four bytes for each of sixteen query tokens and adds the products up.
 *
 * Its first factor has no sign. So the documents' codes get 128 added, and each sum starts from -128 times the sum of the
 * query token's codes, which takes it off again: exactly, all in whole numbers.
 */
#include "kernel.h"

#ifdef SVRAG_X86

#include <string.h>

#include "avx512.h"

#define LANES 16   /* query tokens in a register */
#define TILE 8     /* rows multiplied at a time, by up to 2 registers of query tokens: 16 sums, which hide the latency */

/* Packed, by registers of 16 tokens, two neighbouring ones side by side: for each four dimensions, each token's four. */
struct place {
    size_t first; /* of the token's first four dimensions (of floats: of its first one) */
    size_t step;  /* to its next ones */
};

INLINE struct place place_of(const struct work *work, size_t token, size_t steps) {
    size_t in = token / LANES, pair = in / 2 * 2, beside = pair + 1 < work->lanes / LANES ? 2 : 1;
    return (struct place){(pair * steps + in - pair) * LANES + token % LANES, beside * LANES};
}

TARGET static void pack_codes(struct work *work, const int8_t *query) {
    int32_t shift = work->kind == BITS ? 1 : 128;
    memset(work->query, 0, work->lanes * work->width);
    memset(work->first, 0, work->lanes * sizeof(int32_t));
    for (size_t token = 0; token < work->tokens; token++) {
        const int8_t *codes = query + token * work->dimension;
        struct place place = place_of(work, token, work->width / 4);
        int32_t sum = 0;
        for (size_t i = 0; i < work->dimension; i++) {
            ((int8_t *)work->query)[(place.first + i / 4 * place.step) * 4 + i % 4] = codes[i];
            sum += codes[i];
        }
        work->first[token] = -shift * sum;
    }
}

TARGET static void load_codes(struct work *work, const int8_t *source, size_t count) {
    load_shifted(work, source, count, _mm512_set1_epi8((char)0x80));
}

/* Bits become 0 and 2, and the sums start from minus the sum of the query's codes: 1 for a set bit, -1 for another. */
TARGET static void load_bits(struct work *work, const uint8_t *source, size_t count) {
    load_bytes_of_bits(work, source, count, 2, 0);
}

INLINE void tile_codes(const struct work *work, const uint8_t *rows, size_t width, const float *factors, size_t in, int beside) {
    const int8_t *query = (const int8_t *)work->query + in * LANES * work->width;
    __m512i sums[TILE][2];
    for (int r = 0; r < TILE; r++)
        for (int b = 0; b < beside; b++) sums[r][b] = _mm512_load_si512(work->first + (in + b) * LANES);
    for (size_t at = 0; at < width; at += 4) {
        __m512i tokens[2];
        for (int b = 0; b < beside; b++) tokens[b] = _mm512_load_si512(query + (at * beside + 4 * b) * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < TILE; r++) {
            int32_t four;
            memcpy(&four, rows + r * width + at, sizeof four);
            __m512i number = _mm512_set1_epi32(four);
            for (int b = 0; b < beside; b++) add_products(&sums[r][b], number, tokens[b]);
        }
    }
    for (int b = 0; b < beside; b++) {
        float *best = work->best + (in + b) * LANES;
        __m512 greatest = _mm512_load_ps(best);
        for (int r = 0; r < TILE; r++)
            greatest = _mm512_max_ps(greatest, _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][b]), _mm512_set1_ps(factors[r])));
        _mm512_store_ps(best, greatest);
    }
}

INLINE void chunk_codes(struct work *work, size_t count, size_t width) {
    size_t registers = work->lanes / LANES;
    for (size_t in = 0; in < registers; in += 2)
        for (size_t row = 0; row < count; row += TILE) {
            const uint8_t *rows = (const uint8_t *)work->rows + row * width;
            if (in + 1 < registers)
                tile_codes(work, rows, width, work->factors + row, in, 2);
            else
                tile_codes(work, rows, width, work->factors + row, in, 1);
        }
}

TARGET static void multiply_codes(struct work *work, size_t count) {
    if (work->width == 128) /* what most models have: the rows' addresses are known beforehand */
        chunk_codes(work, count, 128);
    else
        chunk_codes(work, count, work->width);
}

/* Vectors as they are: the same with one dimension instead of four at a time. */

TARGET static void pack_floats(struct work *work, const float *query) {
    memset(work->query, 0, work->lanes * work->width * sizeof(float));
    for (size_t token = 0; token < work->tokens; token++) {
        struct place place = place_of(work, token, work->width);
        for (size_t i = 0; i < work->dimension; i++)
            ((float *)work->query)[place.first + i * place.step] = query[token * work->dimension + i];
    }
}

TARGET static void load_units(struct work *work, const int8_t *source, size_t count) {
    for (size_t row = 0; row < rounded_up(count, ROWS); row++) {
        const int8_t *codes = source + (row < count ? row : count - 1) * work->dimension;
        float *loaded = (float *)work->rows + row * work->width;
        int32_t squares = 0;
        for (size_t i = 0; i < work->dimension; i++) squares += codes[i] * codes[i];
        __m512 length = _mm512_set1_ps(inverse_length(squares));
        for (size_t at = 0; at < work->dimension; at += 16) {
            size_t left = work->dimension - at;
            __mmask16 mask = left < 16 ? (__mmask16)((1u << left) - 1) : (__mmask16)0xffff;
            __m512i wide = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, codes + at));
            _mm512_store_ps(loaded + at, _mm512_mul_ps(_mm512_cvtepi32_ps(wide), length));
        }
    }
}

TARGET static void load_halves(struct work *work, const uint16_t *source, size_t count) {
    for (size_t row = 0; row < rounded_up(count, ROWS); row++) {
        const uint16_t *halves = source + (row < count ? row : count - 1) * work->dimension;
        float *loaded = (float *)work->rows + row * work->width;
        for (size_t at = 0; at < work->dimension; at += 16) {
            size_t left = work->dimension - at;
            __mmask16 mask = left < 16 ? (__mmask16)((1u << left) - 1) : (__mmask16)0xffff;
            _mm512_store_ps(loaded + at, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, halves + at)));
        }
    }
}

TARGET static void load_floats(struct work *work, const float *source, size_t count) {
    for (size_t row = 0; row < rounded_up(count, ROWS); row++)
        memcpy((float *)work->rows + row * work->width,
               source + (row < count ? row : count - 1) * work->dimension, work->dimension * sizeof(float));
}

INLINE void tile_floats(const struct work *work, const float *rows, size_t width, size_t in, int beside) {
    const float *query = (const float *)work->query + in * LANES * work->width;
    __m512 sums[TILE][2];
    for (int r = 0; r < TILE; r++)
        for (int b = 0; b < beside; b++) sums[r][b] = _mm512_setzero_ps();
    for (size_t at = 0; at < work->dimension; at++) {
        __m512 tokens[2];
        for (int b = 0; b < beside; b++) tokens[b] = _mm512_load_ps(query + (at * beside + b) * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < TILE; r++) {
            __m512 number = _mm512_set1_ps(rows[r * width + at]);
            for (int b = 0; b < beside; b++) sums[r][b] = _mm512_fmadd_ps(number, tokens[b], sums[r][b]);
        }
    }
    for (int b = 0; b < beside; b++) {
        float *best = work->best + (in + b) * LANES;
        __m512 greatest = _mm512_load_ps(best);
        for (int r = 0; r < TILE; r++) greatest = _mm512_max_ps(sums[r][b], greatest);
        _mm512_store_ps(best, greatest);
    }
}

TARGET static void multiply_floats(struct work *work, size_t count) {
    size_t registers = work->lanes / LANES;
    for (size_t in = 0; in < registers; in += 2)
        for (size_t row = 0; row < count; row += TILE) {
            const float *rows = (const float *)work->rows + row * work->width;
            if (in + 1 < registers)
                tile_floats(work, rows, work->width, in, 2);
            else
                tile_floats(work, rows, work->width, in, 1);
        }
}

const struct kernel avx512_kernel = {
    "c-avx512vnni", LANES, pack_codes, pack_floats, load_codes, load_bits, load_units, load_halves, load_floats,
    multiply_codes, multiply_floats,
};

#endif
