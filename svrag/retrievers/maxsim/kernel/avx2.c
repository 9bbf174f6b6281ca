/* AVX2: codes widened to 16 bits, of which one instruction multiplies and adds two for each of eight query tokens.
 *
 * The instruction for bytes would be faster and cuts off what does not fit 16 bits; this one is exact.
 */
#include "kernel.h"

#ifdef SVRAG_X86

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define INLINE TARGET static inline __attribute__((always_inline))

#define LANES 16 /* query tokens multiplied at a time: two registers */
#define TILE 4   /* rows multiplied at a time */

/* Packed, by 16 tokens: for each two dimensions, each token's two. */
TARGET static void pack_codes(struct work *work, const int8_t *query) {
    int16_t *packed = work->query;
    memset(packed, 0, work->lanes * work->width * sizeof(int16_t));
    for (size_t token = 0; token < work->tokens; token++)
        for (size_t i = 0; i < work->dimension; i++)
            packed[token / LANES * LANES * work->width + (i / 2 * LANES + token % LANES) * 2 + i % 2] =
                query[token * work->dimension + i];
}

TARGET static void pack_floats(struct work *work, const float *query) {
    float *packed = work->query;
    memset(packed, 0, work->lanes * work->width * sizeof(float));
    for (size_t token = 0; token < work->tokens; token++)
        for (size_t i = 0; i < work->dimension; i++)
            packed[token / LANES * LANES * work->width + i * LANES + token % LANES] = query[token * work->dimension + i];
}

INLINE int32_t sum_of(__m256i lanes) {
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

TARGET static void load_codes(struct work *work, const int8_t *source, size_t count) {
    for (size_t row = 0; row < rounded_up(count, TILE); row++) {
        const int8_t *codes = source + (row < count ? row : count - 1) * work->dimension;
        int16_t *loaded = (int16_t *)work->rows + row * work->width;
        __m256i squares = _mm256_setzero_si256();
        for (size_t at = 0; at < work->dimension; at += 16) {
            int8_t few[16] = {0};
            const int8_t *sixteen = codes + at;
            if (work->dimension - at < 16) sixteen = memcpy(few, sixteen, work->dimension - at);
            __m256i part = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)sixteen));
            _mm256_store_si256((__m256i *)(loaded + at), part);
            squares = _mm256_add_epi32(squares, _mm256_madd_epi16(part, part));
        }
        for (size_t at = rounded_up(work->dimension, 16); at < work->width; at += 16)
            _mm256_store_si256((__m256i *)(loaded + at), _mm256_setzero_si256());
        work->factors[row] = inverse_length(sum_of(squares));
    }
}

TARGET static void load_bits(struct work *work, const uint8_t *source, size_t count) {
    const __m256i each = _mm256_setr_epi16(
        1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, (int16_t)-32768);
    size_t bytes = (work->dimension + 7) / 8;
    float factor = 1.0f / sqrtf((float)work->dimension);
    for (size_t row = 0; row < rounded_up(count, TILE); row++) {
        const uint8_t *bits = source + (row < count ? row : count - 1) * bytes;
        int16_t *loaded = (int16_t *)work->rows + row * work->width;
        for (size_t at = 0; at < work->width; at += 16) {
            size_t byte = at / 8;
            int word = (byte < bytes ? bits[byte] : 0) | (byte + 1 < bytes ? bits[byte + 1] : 0) << 8;
            __m256i set = _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16((int16_t)word), each), each);
            /* -1 where set: 1; 0 where not: -1. */
            __m256i sign = _mm256_sub_epi16(_mm256_set1_epi16(-1), _mm256_add_epi16(set, set));
            _mm256_store_si256((__m256i *)(loaded + at), sign);
        }
        work->factors[row] = factor;
    }
}

TARGET static void load_units(struct work *work, const int8_t *source, size_t count) {
    for (size_t row = 0; row < rounded_up(count, TILE); row++) {
        const int8_t *codes = source + (row < count ? row : count - 1) * work->dimension;
        float *loaded = (float *)work->rows + row * work->width;
        int32_t squares = 0;
        for (size_t i = 0; i < work->dimension; i++) squares += codes[i] * codes[i];
        __m256 length = _mm256_set1_ps(inverse_length(squares));
        for (size_t at = 0; at < work->dimension; at += 8) {
            int8_t few[8] = {0};
            const int8_t *eight = codes + at;
            if (work->dimension - at < 8) eight = memcpy(few, eight, work->dimension - at);
            __m256i wide = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)eight));
            _mm256_store_ps(loaded + at, _mm256_mul_ps(_mm256_cvtepi32_ps(wide), length));
        }
    }
}

TARGET static void load_halves(struct work *work, const uint16_t *source, size_t count) {
    for (size_t row = 0; row < rounded_up(count, TILE); row++) {
        const uint16_t *halves = source + (row < count ? row : count - 1) * work->dimension;
        float *loaded = (float *)work->rows + row * work->width;
        for (size_t at = 0; at < work->dimension; at += 8) {
            uint16_t few[8] = {0};
            const uint16_t *eight = halves + at;
            if (work->dimension - at < 8) eight = memcpy(few, eight, (work->dimension - at) * sizeof(uint16_t));
            _mm256_store_ps(loaded + at, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)eight)));
        }
    }
}

TARGET static void load_floats(struct work *work, const float *source, size_t count) {
    for (size_t row = 0; row < rounded_up(count, TILE); row++)
        memcpy((float *)work->rows + row * work->width,
               source + (row < count ? row : count - 1) * work->dimension, work->dimension * sizeof(float));
}

INLINE void keep_greatest(float *best, const __m256 products[TILE]) {
    __m256 greatest = _mm256_load_ps(best);
    for (int r = 0; r < TILE; r++) greatest = _mm256_max_ps(products[r], greatest);
    _mm256_store_ps(best, greatest);
}

TARGET static void multiply_codes(struct work *work, size_t count) {
    size_t width = work->width;
    for (size_t token = 0; token < work->lanes; token += LANES)
        for (size_t row = 0; row < count; row += TILE) {
            const int16_t *query = (const int16_t *)work->query + token * width;
            const int16_t *rows = (const int16_t *)work->rows + row * width;
            __m256i left[TILE], right[TILE];
            for (int r = 0; r < TILE; r++) left[r] = right[r] = _mm256_setzero_si256();
            for (size_t at = 0; at < width; at += 2) {
                __m256i a = _mm256_load_si256((const __m256i *)(query + at * LANES));
                __m256i b = _mm256_load_si256((const __m256i *)(query + at * LANES + LANES));
#pragma GCC unroll 4
                for (int r = 0; r < TILE; r++) {
                    int32_t two;
                    memcpy(&two, rows + r * width + at, sizeof two);
                    __m256i number = _mm256_set1_epi32(two);
                    left[r] = _mm256_add_epi32(left[r], _mm256_madd_epi16(number, a));
                    right[r] = _mm256_add_epi32(right[r], _mm256_madd_epi16(number, b));
                }
            }
            __m256 products[2][TILE];
            for (int r = 0; r < TILE; r++) {
                __m256 factor = _mm256_set1_ps(work->factors[row + r]);
                products[0][r] = _mm256_mul_ps(_mm256_cvtepi32_ps(left[r]), factor);
                products[1][r] = _mm256_mul_ps(_mm256_cvtepi32_ps(right[r]), factor);
            }
            keep_greatest(work->best + token, products[0]);
            keep_greatest(work->best + token + 8, products[1]);
        }
}

TARGET static void multiply_floats(struct work *work, size_t count) {
    size_t width = work->width;
    for (size_t token = 0; token < work->lanes; token += LANES)
        for (size_t row = 0; row < count; row += TILE) {
            const float *query = (const float *)work->query + token * width;
            const float *rows = (const float *)work->rows + row * width;
            __m256 left[TILE], right[TILE];
            for (int r = 0; r < TILE; r++) left[r] = right[r] = _mm256_setzero_ps();
            for (size_t at = 0; at < work->dimension; at++) {
                __m256 a = _mm256_load_ps(query + at * LANES), b = _mm256_load_ps(query + at * LANES + 8);
#pragma GCC unroll 4
                for (int r = 0; r < TILE; r++) {
                    __m256 number = _mm256_set1_ps(rows[r * width + at]);
                    left[r] = _mm256_fmadd_ps(number, a, left[r]);
                    right[r] = _mm256_fmadd_ps(number, b, right[r]);
                }
            }
            keep_greatest(work->best + token, left);
            keep_greatest(work->best + token + 8, right);
        }
}

const struct kernel avx2_kernel = {
    "c-avx2", LANES, pack_codes, pack_floats, load_codes, load_bits, load_units, load_halves, load_floats,
    multiply_codes, multiply_floats,
};

#endif
