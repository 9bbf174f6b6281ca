/* MaxSim fused: products and the greatest of them for each token of the query, without a matrix of products in between.
 *
 * A document's vectors are taken in chunks that stay in the first cache. A kernel loads a chunk, that is brings it into
 * the form that its products want, and multiplies it: several vectors by several of the query's tokens at a time, so that
 * what is read once is used often. There is one kernel for each set of instructions; module.c picks one when it runs.
 */
#ifndef SVRAG_MAXSIM_KERNEL_H
#define SVRAG_MAXSIM_KERNEL_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define SVRAG_X86 1
#if defined(__linux__) && (defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11)
#define SVRAG_AMX 1
#endif
#endif

enum kind { CODES, BITS, HALVES, FLOATS, UNITS }; /* UNITS: codes as the vectors of length 1 that they stand for */

/* Each loaded row has a multiple of WIDTH numbers, the last ones of which the query has zeros for. Chunks have a multiple
 * of ROWS rows; a chunk is filled up with its last row, which no maximum minds. */
#define WIDTH 64
#define ROWS 16

/* What one thread works with. Memory is its own. */
struct work {
    enum kind kind;
    size_t dimension;
    size_t width;   /* dimension, rounded up to WIDTH */
    size_t tokens;  /* of the query */
    size_t lanes;   /* tokens, rounded up to the kernel's lanes */
    void *query;    /* as the kernel packs it: lanes x width numbers of 4 bytes at most */
    int32_t *first; /* (lanes,) what sums of products start from */
    void *rows;     /* the loaded chunk */
    float *factors; /* (chunk,) what a row's products are multiplied by */
    float *best;    /* (lanes,) the greatest so far */
};

struct kernel {
    const char *name;
    size_t lanes;
    void (*pack_codes)(struct work *, const int8_t *query);
    void (*pack_floats)(struct work *, const float *query);
    void (*load_codes)(struct work *, const int8_t *source, size_t count);
    void (*load_bits)(struct work *, const uint8_t *source, size_t count);
    void (*load_units)(struct work *, const int8_t *source, size_t count);
    void (*load_halves)(struct work *, const uint16_t *source, size_t count);
    void (*load_floats)(struct work *, const float *source, size_t count);
    void (*multiply_codes)(struct work *, size_t count); /* of codes and of bits */
    void (*multiply_floats)(struct work *, size_t count); /* of halves, floats and units */
};

extern const struct kernel plain_kernel;
#ifdef SVRAG_X86
extern const struct kernel avx2_kernel;
extern const struct kernel avx512_kernel;
#endif
#ifdef SVRAG_AMX
extern const struct kernel amx_kernel; /* of codes and bits alone; for floats avx512_kernel is taken */
int amx_allowed(void);
#endif

static inline size_t rounded_up(size_t number, size_t multiple) { return (number + multiple - 1) / multiple * multiple; }

/* 1 / |codes|, the scale of a vector of length 1. */
static inline float inverse_length(int32_t squares) { return squares > 0 ? 1.0f / sqrtf((float)squares) : 0.0f; }

#endif
