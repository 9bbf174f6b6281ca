/* What the kernels of AVX-512 share: how codes and bits are loaded, and how long their vectors are. */
#ifndef SVRAG_MAXSIM_AVX512_H
#define SVRAG_MAXSIM_AVX512_H

#include <immintrin.h>
#include <string.h>

#include "kernel.h"

#ifndef TARGET /* the sets of instructions of the file that includes this: one with fewer could not take it in */
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#endif
#define INLINE TARGET static inline __attribute__((always_inline))

#define AHEAD 8192 /* bytes: what is asked of memory while this is worked on */

/* sums += the products of four bytes each. Compilers surround the intrinsic with copies of registers. */
INLINE void add_products(__m512i *sums, __m512i unsigned_bytes, __m512i signed_bytes) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sums) : "v"(unsigned_bytes), "v"(signed_bytes));
}

/* The sums over the lanes of sixteen registers, one in each lane. */
INLINE __m512i sums_of(__m512i r[16]) {
    for (int i = 0; i < 8; i++)
        r[i] = _mm512_add_epi32(_mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]), _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]));
    for (int i = 0; i < 4; i++)
        r[i] = _mm512_add_epi32(_mm512_unpacklo_epi64(r[2 * i], r[2 * i + 1]), _mm512_unpackhi_epi64(r[2 * i], r[2 * i + 1]));
    for (int i = 0; i < 2; i++)
        r[i] = _mm512_add_epi32(
            _mm512_shuffle_i32x4(r[2 * i], r[2 * i + 1], 0x88), _mm512_shuffle_i32x4(r[2 * i], r[2 * i + 1], 0xdd));
    return _mm512_add_epi32(_mm512_shuffle_i32x4(r[0], r[1], 0x88), _mm512_shuffle_i32x4(r[0], r[1], 0xdd));
}

/* Each byte changed by exclusive or with `shift`. */
INLINE void load_shifted(struct work *work, const int8_t *source, size_t count, __m512i shift) {
    size_t whole = work->dimension / WIDTH * WIDTH;
    __mmask64 rest = ((__mmask64)1 << work->dimension % WIDTH) - 1;
    for (size_t row = 0; row < count; row += ROWS) {
        __m512i squares[ROWS];
        for (size_t i = 0; i < ROWS; i++) {
            const int8_t *codes = source + (row + i < count ? row + i : count - 1) * work->dimension;
            uint8_t *loaded = (uint8_t *)work->rows + (row + i) * work->width;
            __m512i sum = _mm512_setzero_si512();
            size_t at = 0;
            for (; at < whole; at += WIDTH) {
                __m512i part = _mm512_loadu_si512(codes + at), size = _mm512_abs_epi8(part);
                _mm_prefetch((const char *)codes + at + AHEAD, _MM_HINT_T0);
                _mm512_store_si512(loaded + at, _mm512_xor_si512(part, shift));
                add_products(&sum, size, size);
            }
            if (rest) {
                __m512i part = _mm512_maskz_loadu_epi8(rest, codes + at), size = _mm512_abs_epi8(part);
                _mm512_store_si512(loaded + at, _mm512_xor_si512(part, shift));
                add_products(&sum, size, size);
            }
            squares[i] = sum;
        }
        __m512 lengths = _mm512_cvtepi32_ps(sums_of(squares));
        __mmask16 any = _mm512_cmp_ps_mask(lengths, _mm512_setzero_ps(), _CMP_GT_OQ);
        _mm512_store_ps(work->factors + row, _mm512_maskz_div_ps(any, _mm512_set1_ps(1), _mm512_sqrt_ps(lengths)));
    }
}

/* A byte for each bit: `set` or `unset`. */
INLINE void load_bytes_of_bits(struct work *work, const uint8_t *source, size_t count, int8_t set, int8_t unset) {
    size_t bytes = (work->dimension + 7) / 8;
    float factor = 1.0f / sqrtf((float)work->dimension);
    for (size_t row = 0; row < rounded_up(count, ROWS); row++) {
        const uint8_t *bits = source + (row < count ? row : count - 1) * bytes;
        int8_t *loaded = (int8_t *)work->rows + row * work->width;
        for (size_t at = 0; at < bytes; at += 8) {
            uint64_t word = 0;
            memcpy(&word, bits + at, bytes - at < 8 ? bytes - at : 8);
            _mm512_store_si512(loaded + at * 8, _mm512_mask_blend_epi8(word, _mm512_set1_epi8(unset), _mm512_set1_epi8(set)));
        }
        work->factors[row] = factor;
    }
}

#endif
