/* The filters of resample.py over plain buffers: `make native` builds it, native.py loads it.
 *
 * Taps come from Python, as integers in doubles, and samples are integers: every sum is exact in
 * double precision, whatever its order, so the output is the numpy path's bit for bit, on every
 * processor. Nothing is kept between two calls but what the caller's buffers hold.
 *
 * Limited API of 3.11: one file serves every later Python.
 */

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#define REVISION 2 /* of what Python calls: native.py wants the same */

#define MAX_RATIO 3
#define PHASE_TAPS 24 /* in a row: a filter has one for each sample of a group */
#define HISTORY_UP (PHASE_TAPS - 1)
#define BLOCK 16 /* outputs are made in multiples of it: no loop has a rest */
#define CHUNK 480 /* samples at 8 kHz that are worked on at once: the scratch is on the stack */

/* out[n] += the sum of taps[k] * in[n + PHASE_TAPS - 1 - k]. In a form that every compiler makes
 * vectors of: as wide as the function that it becomes part of may have. */
#define AT_ONCE 8 /* taps */
static inline __attribute__((always_inline)) void
add_filtered(const double *restrict in, const double *restrict taps, double *restrict out,
             int outputs)
{
    for (int k = 0; k < PHASE_TAPS; k += AT_ONCE) {
        const double *from = in + PHASE_TAPS - AT_ONCE - k;
        const double *t = taps + k;
        for (int n = 0; n < outputs; n++)
            out[n] += t[7] * from[n] + t[6] * from[n + 1] + t[5] * from[n + 2] +
                      t[4] * from[n + 3] + t[3] * from[n + 4] + t[2] * from[n + 5] +
                      t[1] * from[n + 6] + t[0] * from[n + 7];
    }
}

typedef void Filter(const double *, const double *, double *, int);

static void
filter_anywhere(const double *in, const double *taps, double *out, int outputs)
{
    add_filtered(in, taps, out, outputs);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2"))) static void
filter_avx2(const double *in, const double *taps, double *out, int outputs)
{
    add_filtered(in, taps, out, outputs);
}

static Filter *
best_filter(void)
{
    return __builtin_cpu_supports("avx2") ? filter_avx2 : filter_anywhere;
}
#else
static Filter *
best_filter(void)
{
    return filter_anywhere;
}
#endif

static Filter *convolve = filter_anywhere;

/* Halves to even, as numpy's rint: sums are below 2^52, where adding this leaves no fraction. */
#define TO_INTEGER 6755399441055744.0

static void
saturate(const double *in, double scale, int16_t *out, int count, int step)
{
    for (int n = 0; n < count; n++) {
        double value = in[n] * scale + TO_INTEGER - TO_INTEGER;
        value = value > 32767.0 ? 32767.0 : value;
        value = value < -32768.0 ? -32768.0 : value;
        out[n * step] = (int16_t)(int32_t)value;
    }
}

static int
rounded_up(int count)
{
    return (count + BLOCK - 1) / BLOCK * BLOCK;
}

static int
is_of(const Py_buffer *view, Py_ssize_t bytes, const char *what)
{
    if (view->len == bytes)
        return 1;
    PyErr_Format(PyExc_ValueError, "%s: %zd bytes, not %zd", what, view->len, bytes);
    return 0;
}

/* By how many times 8 kHz the higher rate of these taps is; 0: an exception. */
static int
ratio_of(const Py_buffer *taps)
{
    Py_ssize_t row = PHASE_TAPS * (Py_ssize_t)sizeof(double);
    if (taps->len % row == 0 && taps->len >= row && taps->len <= MAX_RATIO * row)
        return (int)(taps->len / row);
    PyErr_Format(PyExc_ValueError, "taps: %zd bytes, not 1 to %d rows of %zd", taps->len,
                 MAX_RATIO, row);
    return 0;
}

/* Samples at 8 kHz, as they are or as codes of `table`, to `ratio` times as many. */
static inline __attribute__((always_inline)) void
up(int16_t *history, const uint8_t *source, const int16_t *table, const double *taps, double scale,
   int16_t *out, Py_ssize_t samples, int ratio)
{
    double line[HISTORY_UP + CHUNK + BLOCK];
    double sums[CHUNK + BLOCK];

    for (int n = 0; n < HISTORY_UP; n++)
        line[n] = history[n];
    for (Py_ssize_t done = 0; done < samples;) {
        int count = samples - done < CHUNK ? (int)(samples - done) : CHUNK;
        int padded = rounded_up(count);
        double *fresh = line + HISTORY_UP;
        if (table != NULL)
            for (int n = 0; n < count; n++)
                fresh[n] = table[source[done + n]];
        else
            for (int n = 0; n < count; n++)
                fresh[n] = ((const int16_t *)source)[done + n];
        for (int n = count; n < padded; n++)
            fresh[n] = 0.0;
        for (int phase = 0; phase < ratio; phase++) {
            for (int n = 0; n < padded; n++)
                sums[n] = 0.0;
            convolve(line, taps + phase * PHASE_TAPS, sums, padded);
            saturate(sums, scale, out + done * ratio + phase, count, ratio);
        }
        for (int n = 0; n < HISTORY_UP; n++)
            line[n] = line[count + n];
        done += count;
    }
    for (int n = 0; n < HISTORY_UP; n++)
        history[n] = (int16_t)line[n];
}

static PyObject *
upsample(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Py_buffer history, source, table, taps;
    PyObject *out = NULL;
    double scale;
    int coded, ratio;

    if (nargs != 5) {
        PyErr_SetString(PyExc_TypeError, "history, source, table or None, taps, scale");
        return NULL;
    }
    coded = args[2] != Py_None;
    scale = PyFloat_AsDouble(args[4]);
    if (scale == -1.0 && PyErr_Occurred())
        return NULL;
    if (PyObject_GetBuffer(args[0], &history, PyBUF_WRITABLE) < 0)
        return NULL;
    if (PyObject_GetBuffer(args[1], &source, PyBUF_SIMPLE) < 0)
        goto no_source;
    if (PyObject_GetBuffer(coded ? args[2] : args[3], &table, PyBUF_SIMPLE) < 0)
        goto no_table;
    if (PyObject_GetBuffer(args[3], &taps, PyBUF_SIMPLE) < 0)
        goto no_taps;
    if (is_of(&history, HISTORY_UP * (Py_ssize_t)sizeof(int16_t), "history") &&
        (ratio = ratio_of(&taps)) != 0 &&
        (!coded || is_of(&table, 256 * (Py_ssize_t)sizeof(int16_t), "table"))) {
        Py_ssize_t samples = coded ? source.len : source.len / (Py_ssize_t)sizeof(int16_t);
        if (samples > PY_SSIZE_T_MAX / ratio / (Py_ssize_t)sizeof(int16_t))
            PyErr_NoMemory();
        else
            out = PyBytes_FromStringAndSize(NULL, samples * ratio * (Py_ssize_t)sizeof(int16_t));
        if (out != NULL) {
            int16_t *to = (int16_t *)PyBytes_AsString(out);
            const int16_t *codes = coded ? table.buf : NULL;
            if (ratio == 3) /* a constant: loops without a multiplication */
                up(history.buf, source.buf, codes, taps.buf, scale, to, samples, 3);
            else
                up(history.buf, source.buf, codes, taps.buf, scale, to, samples, ratio);
        }
    }
    PyBuffer_Release(&taps);
no_taps:
    PyBuffer_Release(&table);
no_table:
    PyBuffer_Release(&source);
no_source:
    PyBuffer_Release(&history);
    return out;
}

/* `source`: (PHASE_TAPS - 1) * ratio samples of history, and `ratio` for each output. */
static inline __attribute__((always_inline)) void
down(const int16_t *source, const double *taps, double scale, int16_t *out, Py_ssize_t outputs,
     int ratio)
{
    double line[PHASE_TAPS - 1 + CHUNK + BLOCK];
    double sums[CHUNK + BLOCK];

    for (Py_ssize_t done = 0; done < outputs;) {
        int count = outputs - done < CHUNK ? (int)(outputs - done) : CHUNK;
        int padded = rounded_up(count);
        for (int n = 0; n < padded; n++)
            sums[n] = 0.0;
        for (int phase = 0; phase < ratio; phase++) {
            const int16_t *from = source + done * ratio + phase;
            for (int n = 0; n < PHASE_TAPS - 1 + count; n++)
                line[n] = from[n * ratio];
            for (int n = PHASE_TAPS - 1 + count; n < PHASE_TAPS - 1 + padded; n++)
                line[n] = 0.0;
            convolve(line, taps + phase * PHASE_TAPS, sums, padded);
        }
        saturate(sums, scale, out + done, count, 1);
        done += count;
    }
}

static PyObject *
downsample(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Py_buffer source, taps;
    PyObject *out = NULL;
    double scale;
    int ratio;

    if (nargs != 3) {
        PyErr_SetString(PyExc_TypeError, "source, taps, scale");
        return NULL;
    }
    scale = PyFloat_AsDouble(args[2]);
    if (scale == -1.0 && PyErr_Occurred())
        return NULL;
    if (PyObject_GetBuffer(args[0], &source, PyBUF_SIMPLE) < 0)
        return NULL;
    if (PyObject_GetBuffer(args[1], &taps, PyBUF_SIMPLE) < 0)
        goto no_taps;
    if ((ratio = ratio_of(&taps)) != 0) {
        Py_ssize_t samples = source.len / (Py_ssize_t)sizeof(int16_t);
        Py_ssize_t outputs = samples / ratio - (PHASE_TAPS - 1);
        if (outputs < 0)
            outputs = 0;
        out = PyBytes_FromStringAndSize(NULL, outputs * (Py_ssize_t)sizeof(int16_t));
        if (out != NULL) {
            int16_t *to = (int16_t *)PyBytes_AsString(out);
            if (ratio == 3)
                down(source.buf, taps.buf, scale, to, outputs, 3);
            else
                down(source.buf, taps.buf, scale, to, outputs, ratio);
        }
    }
    PyBuffer_Release(&taps);
no_taps:
    PyBuffer_Release(&source);
    return out;
}

static PyMethodDef methods[] = {
    {"upsample", (PyCFunction)(void (*)(void))upsample, METH_FASTCALL,
     "upsample(history, source, table, taps, scale): 8 kHz to more; `history` is moved on."},
    {"downsample", (PyCFunction)(void (*)(void))downsample, METH_FASTCALL,
     "downsample(source, taps, scale): to 8 kHz, behind its history."},
    {NULL, NULL, 0, NULL},
};

static int
fill(PyObject *module)
{
    convolve = best_filter();
    return PyModule_AddIntConstant(module, "REVISION", REVISION);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)fill},
    {0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_kernel",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
