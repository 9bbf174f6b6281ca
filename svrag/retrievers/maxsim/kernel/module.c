/* The Python module svrag.retrievers.maxsim._scan: checks what it is given, picks the kernel, and runs over documents.
 *
 * It runs without the interpreter's lock, so that threads can take documents of their own.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernel.h"

#define CHUNK 16384 /* bytes of loaded rows of a byte for each dimension or of floats: half of a first cache */
#define LINE 64     /* bytes: what memory is aligned to */

static const struct kernel *const all_kernels[] = {
#ifdef SVRAG_AMX
    &amx_kernel,
#endif
#ifdef SVRAG_X86
    &avx512_kernel, &avx2_kernel,
#endif
    &plain_kernel,
};
#define ALL (sizeof all_kernels / sizeof *all_kernels)

static int runs_here(const struct kernel *kernel) {
#ifdef SVRAG_X86
    __builtin_cpu_init();
#ifdef SVRAG_AMX
    if (kernel == &amx_kernel) return runs_here(&avx512_kernel) && amx_allowed();
#endif
    if (kernel == &avx512_kernel)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vnni");
    if (kernel == &avx2_kernel)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
#endif
    return kernel == &plain_kernel;
}

/* Scores of the documents `from` to `to`; 0 where there is no memory. Touches nothing of Python. */
static int scan(const struct kernel *kernel, struct work *work, const char *vectors, size_t row_bytes, const int64_t *begins,
                const int64_t *ends, size_t from, size_t to, const void *query, const float *scales, float *scores) {
    int floats = work->kind >= HALVES;
#ifdef SVRAG_AMX
    if (floats && kernel == &amx_kernel) kernel = &avx512_kernel;
#endif
    size_t chunk = CHUNK / (work->width * (floats ? sizeof(float) : 1)) / ROWS * ROWS;
    if (chunk < ROWS) chunk = ROWS;
    work->lanes = rounded_up(work->tokens, kernel->lanes);
    size_t sizes[] = {
        work->lanes * work->width * sizeof(float), work->lanes * sizeof(int32_t), chunk * work->width * sizeof(float),
        chunk * sizeof(float), work->lanes * sizeof(float),
    };
    void **parts[] = {&work->query, (void **)&work->first, &work->rows, (void **)&work->factors, (void **)&work->best};
    size_t total = LINE;
    for (size_t i = 0; i < 5; i++) total += rounded_up(sizes[i], LINE);
    char *memory = PyMem_RawMalloc(total);
    if (!memory) return 0;
    char *next = memory + LINE - (uintptr_t)memory % LINE;
    for (size_t i = 0; i < 5; i++) {
        *parts[i] = next;
        next += rounded_up(sizes[i], LINE);
    }
    if (floats)
        kernel->pack_floats(work, query);
    else
        kernel->pack_codes(work, query);
    for (size_t document = from; document < to; document++) {
        size_t row = (size_t)begins[document], end = (size_t)ends[document];
        float score = row < end ? 0.0f : -INFINITY;
        for (size_t lane = 0; lane < work->lanes; lane++) work->best[lane] = -INFINITY;
        for (; row < end; row += chunk) {
            size_t count = end - row < chunk ? end - row : chunk;
            const void *source = vectors + row * row_bytes;
            switch (work->kind) {
            case CODES: kernel->load_codes(work, source, count); break;
            case BITS: kernel->load_bits(work, source, count); break;
            case UNITS: kernel->load_units(work, source, count); break;
            case HALVES: kernel->load_halves(work, source, count); break;
            case FLOATS: kernel->load_floats(work, source, count); break;
            }
            if (floats)
                kernel->multiply_floats(work, count);
            else
                kernel->multiply_codes(work, count);
        }
        if (ends[document] > begins[document])
            for (size_t token = 0; token < work->tokens; token++) score += work->best[token] * scales[token];
        scores[document] = score;
    }
    PyMem_RawFree(memory);
    return 1;
}

/* Whether the buffers are as long as the numbers say, and the documents lie within the vectors. */
static const char *misfit(const struct work *work, const Py_buffer *vectors, size_t row_bytes, const Py_buffer *begins,
                          const Py_buffer *ends, Py_ssize_t from, Py_ssize_t to, const Py_buffer *query,
                          const Py_buffer *scales, const Py_buffer *scores) {
    size_t number = work->kind == CODES || work->kind == BITS ? 1 : sizeof(float);
    int64_t rows = (int64_t)((size_t)vectors->len / row_bytes);
    if ((size_t)query->len != work->tokens * work->dimension * number || (size_t)scales->len != work->tokens * sizeof(float))
        return "the query and its scales do not fit the number of dimensions";
    if (begins->len != ends->len || (size_t)begins->len / sizeof(int64_t) * sizeof(float) != (size_t)scores->len)
        return "begins, ends and scores are not of one length";
    if (from < 0 || to < from || (size_t)to > (size_t)begins->len / sizeof(int64_t)) return "no such documents";
    for (Py_ssize_t document = from; document < to; document++) {
        int64_t begin = ((const int64_t *)begins->buf)[document], end = ((const int64_t *)ends->buf)[document];
        if (begin < 0 || end < begin || end > rows) return "a document is not within the vectors, or ends before it starts";
    }
    return NULL;
}

static PyObject *python_scan(PyObject *self, PyObject *arguments) {
    const char *name, *wrong;
    int kind, done;
    Py_ssize_t dimension, from, to;
    Py_buffer vectors, begins, ends, query, scales, scores;
    const struct kernel *kernel = NULL;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "siny*y*y*nny*y*w*", &name, &kind, &dimension, &vectors, &begins, &ends, &from, &to,
                          &query, &scales, &scores))
        return NULL;
    for (size_t i = 0; i < ALL; i++)
        if (strcmp(all_kernels[i]->name, name) == 0 && runs_here(all_kernels[i])) kernel = all_kernels[i];
    if (!kernel)
        wrong = "no such kernel on this machine";
    else if (kind < CODES || kind > UNITS || dimension < 1 || dimension > 65536) /* sums must fit 32 bits */
        wrong = "vectors must have 1 to 65,536 dimensions";
    else {
        static const size_t bytes[] = {1, 0, sizeof(uint16_t), sizeof(float), 1};
        size_t row_bytes = kind == BITS ? ((size_t)dimension + 7) / 8 : (size_t)dimension * bytes[kind];
        struct work work = {.kind = (enum kind)kind, .dimension = (size_t)dimension};
        work.width = rounded_up(work.dimension, WIDTH);
        work.tokens = (size_t)scales.len / sizeof(float);
        wrong = misfit(&work, &vectors, row_bytes, &begins, &ends, from, to, &query, &scales, &scores);
        if (!wrong) {
            Py_BEGIN_ALLOW_THREADS;
            done = scan(kernel, &work, vectors.buf, row_bytes, begins.buf, ends.buf, (size_t)from, (size_t)to, query.buf,
                        scales.buf, scores.buf);
            Py_END_ALLOW_THREADS;
            if (!done) PyErr_NoMemory();
        }
    }
    if (wrong) PyErr_SetString(PyExc_ValueError, wrong);
    PyBuffer_Release(&vectors);
    PyBuffer_Release(&begins);
    PyBuffer_Release(&ends);
    PyBuffer_Release(&query);
    PyBuffer_Release(&scales);
    PyBuffer_Release(&scores);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyObject *python_kernels(PyObject *self, PyObject *nothing) {
    PyObject *names = PyList_New(0);
    (void)self, (void)nothing;
    for (size_t i = 0; names && i < ALL; i++) {
        PyObject *name = runs_here(all_kernels[i]) ? PyUnicode_FromString(all_kernels[i]->name) : NULL;
        if (name && PyList_Append(names, name) < 0) Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return PyErr_Occurred() ? NULL : names;
}

static PyMethodDef methods[] = {
    {"scan", python_scan, METH_VARARGS,
     "scan(kernel, kind, dimension, vectors, begins, ends, first, last, query, scales, scores)\n\n"
     "Write the MaxSim of the documents from `first` up to `last` into `scores`. See scan.py."},
    {"kernels", python_kernels, METH_NOARGS, "Names of the kernels that this processor can run, fastest first."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_scan", "MaxSim in C. Use scan.py.", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__scan(void) { return PyModuleDef_Init(&definition); }
