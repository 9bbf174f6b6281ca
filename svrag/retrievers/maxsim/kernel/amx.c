/* AMX: one instruction multiplies a tile of 16 vectors by 64 dimensions with 16 query tokens, and adds the products up.
 *
 * Both factors have signs, so the documents' codes are taken as they are. Products are taken out of the tiles by memory
 * that stays in the first cache. Vectors of floats are left to AVX-512: there are no tiles of float32.
 */
#define _DEFAULT_SOURCE /* syscall */
#include "kernel.h"

#ifdef SVRAG_AMX

#include <cpuid.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,amx-tile,amx-int8")))
#include "avx512.h"

#define SIDE 16 /* rows of a tile: vectors, or the fours of dimensions of a query's tile; and its tokens */

/* Linux lets a process use tiles that asked for them: they make what is saved of a thread 8 KB larger. */
int amx_allowed(void) {
    enum { ASK_FOR_STATE = 0x1023, TILES = 18, HAS_TILES = 1 << 24, HAS_BYTES = 1 << 25 };
    static int allowed = -1; /* asked once: virtual machines take long to tell */
    unsigned a, b, c, d;
    if (allowed < 0)
        allowed = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & HAS_TILES) && (d & HAS_BYTES) &&
                  syscall(SYS_arch_prctl, ASK_FOR_STATE, TILES) == 0;
    return allowed;
}

/* Packed by tiles: for each 16 tokens and 64 dimensions, for each four dimensions, each token's four. */
TARGET static void pack_codes(struct work *work, const int8_t *query) {
    memset(work->query, 0, work->lanes * work->width);
    for (size_t token = 0; token < work->tokens; token++) {
        int8_t *tiles = (int8_t *)work->query + token / SIDE * SIDE * work->width + token % SIDE * 4;
        for (size_t i = 0; i < work->dimension; i++)
            tiles[i / 4 * 4 * SIDE + i % 4] = query[token * work->dimension + i];
    }
}

TARGET static void load_codes(struct work *work, const int8_t *source, size_t count) {
    load_shifted(work, source, count, _mm512_setzero_si512());
}

/* Bits become 1 and -1. */
TARGET static void load_bits(struct work *work, const uint8_t *source, size_t count) {
    load_bytes_of_bits(work, source, count, 1, -1);
}

/* The greatest of the products of 16 vectors, for each of 16 tokens. */
INLINE __m512 greatest_of(const int32_t *products, const float *factors, __m512 greatest) {
    __m512 other = greatest; /* two at a time: each waits for its last */
    for (int r = 0; r < SIDE; r += 2) {
        __m512 first = _mm512_cvtepi32_ps(_mm512_load_si512(products + r * SIDE));
        __m512 second = _mm512_cvtepi32_ps(_mm512_load_si512(products + (r + 1) * SIDE));
        greatest = _mm512_max_ps(greatest, _mm512_mul_ps(first, _mm512_set1_ps(factors[r])));
        other = _mm512_max_ps(other, _mm512_mul_ps(second, _mm512_set1_ps(factors[r + 1])));
    }
    return _mm512_max_ps(greatest, other);
}

INLINE void take_greatest(const struct work *work, int32_t (*products)[SIDE * SIDE], size_t row, size_t in, int beside) {
    for (int b = 0; b < beside; b++) {
        float *best = work->best + (in + b) * SIDE;
        _mm512_store_ps(best, greatest_of(products[b], work->factors + row, _mm512_load_ps(best)));
    }
}

/* Two tiles of the query: 64 dimensions from `at` on, `beside` x 16 tokens from `in` on. Their numbers must be known here. */
#define LOAD_QUERY(left, right, at)                                                                   \
    do {                                                                                              \
        _tile_loadd(left, query + (at) * SIDE, WIDTH);                                                \
        if (beside > 1) _tile_loadd(right, query + work->width * SIDE + (at) * SIDE, WIDTH);          \
    } while (0)

/* Tiles 0 and 1 are the sums, 2 and 3 rows, 4 to 7 the query's, which stay there if all fit: up to 128 dimensions.
 * The greatest of 16 rows are taken while the next ones are multiplied, since what was just stored is slow to read. */
INLINE void chunk(struct work *work, size_t count, size_t in, int beside, int fits) {
    const int8_t *query = (const int8_t *)work->query + in * SIDE * work->width;
    int32_t products[2][2][SIDE * SIDE] __attribute__((aligned(64)));
    int turn = 0;
    if (fits) {
        LOAD_QUERY(4, 5, 0);
        if (work->width > WIDTH) LOAD_QUERY(6, 7, WIDTH);
    }
    for (size_t row = 0; row < count; row += SIDE, turn ^= 1) {
        const int8_t *rows = (const int8_t *)work->rows + row * work->width;
        _tile_zero(0);
        if (beside > 1) _tile_zero(1);
        for (size_t at = 0; at < work->width; at += 2 * WIDTH) {
            if (!fits) LOAD_QUERY(4, 5, at);
            _tile_loadd(2, rows + at, work->width);
            _tile_dpbssd(0, 2, 4);
            if (beside > 1) _tile_dpbssd(1, 2, 5);
            if (at + WIDTH == work->width) break;
            if (!fits) LOAD_QUERY(6, 7, at + WIDTH);
            _tile_loadd(3, rows + at + WIDTH, work->width);
            _tile_dpbssd(0, 3, 6);
            if (beside > 1) _tile_dpbssd(1, 3, 7);
        }
        _tile_stored(0, products[turn][0], WIDTH);
        if (beside > 1) _tile_stored(1, products[turn][1], WIDTH);
        if (row) take_greatest(work, products[turn ^ 1], row - SIDE, in, beside);
    }
    take_greatest(work, products[turn ^ 1], rounded_up(count, SIDE) - SIDE, in, beside);
}

TARGET static void multiply_codes(struct work *work, size_t count) {
    static const struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } shapes = {1, 0, {0}, {WIDTH, WIDTH, WIDTH, WIDTH, WIDTH, WIDTH, WIDTH, WIDTH},
                {SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE}};
    size_t registers = work->lanes / SIDE;
    _tile_loadconfig(&shapes);
    for (size_t in = 0; in < registers; in += 2)
        if (work->width <= 2 * WIDTH) /* said as constants, so that each case is compiled by itself */
            chunk(work, count, in, in + 1 < registers ? 2 : 1, 1);
        else
            chunk(work, count, in, in + 1 < registers ? 2 : 1, 0);
    _tile_release();
}

const struct kernel amx_kernel = {
    "c-amx", SIDE, pack_codes, NULL, load_codes, load_bits, NULL, NULL, NULL, multiply_codes, NULL,
};

#endif
