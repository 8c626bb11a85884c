// Vectors over GCC's vector extension, as wide as the machine's registers: a wider one would live
// in memory.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef __AVX2__
#include <immintrin.h>
#endif

#ifdef __AVX512F__
#define VECTOR_BYTES 64
#else
#define VECTOR_BYTES 32
#endif

struct bfloat16 {
    uint16_t bits;
};

typedef float floats __attribute__((vector_size(VECTOR_BYTES)));
typedef double doubles __attribute__((vector_size(VECTOR_BYTES)));
typedef uint16_t halves __attribute__((vector_size(VECTOR_BYTES / 2)));
typedef uint32_t words __attribute__((vector_size(VECTOR_BYTES)));
typedef int64_t longs __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t integers __attribute__((vector_size(VECTOR_BYTES)));

// What a stored type is computed in: bfloat16, int8 and float in float, double in double.
template <typename T> struct Computed {
    typedef float scalar;
    typedef floats vector;
};
template <> struct Computed<double> {
    typedef double scalar;
    typedef doubles vector;
};

template <typename V> constexpr int lanes() {
    return sizeof(V) / sizeof(((V){})[0]);
}

static inline float widen(bfloat16 x) {
    uint32_t bits = (uint32_t)x.bits << 16;
    float result;
    memcpy(&result, &bits, 4);
    return result;
}
static inline float widen(float x) { return x; }
static inline double widen(double x) { return x; }

// Round to nearest, ties to even, as torch does.
template <typename T, typename A> static inline T narrow(A x) { return (T)x; }
template <> inline bfloat16 narrow<bfloat16, float>(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffff) > 0x7f800000) return {(uint16_t)0x7fc0};
    return {(uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

static inline floats load(const bfloat16 *p) {
#if defined(__AVX512F__)
    __m256i bits = _mm256_loadu_si256((const __m256i *)p);
    return (floats)_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16);
#elif defined(__AVX2__)
    __m128i bits = _mm_loadu_si128((const __m128i *)p);
    return (floats)_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16);
#endif
    halves raw;
    memcpy(&raw, p, sizeof raw);
    return (floats)(__builtin_convertvector(raw, words) << 16);
}
// int8 rows of the cache, without their scale.
static inline floats load(const int8_t *p) {
#if defined(__AVX512F__)
    return (floats)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
#elif defined(__AVX2__)
    return (floats)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
#endif
    floats result;
    for (int i = 0; i < lanes<floats>(); i++) result[i] = p[i];
    return result;
}
static inline floats load(const float *p) {
    floats result;
    memcpy(&result, p, sizeof result);
    return result;
}
static inline doubles load(const double *p) {
    doubles result;
    memcpy(&result, p, sizeof result);
    return result;
}

static inline void store(float *p, floats x) { memcpy(p, &x, sizeof x); }
static inline void store(double *p, doubles x) { memcpy(p, &x, sizeof x); }
static inline void store(bfloat16 *p, floats x) {
    words bits = (words)x;
    words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    words is_nan = (words)((bits & 0x7fffffff) > 0x7f800000);
    rounded = (is_nan & 0x7fc0) | (~is_nan & rounded);
    halves raw = __builtin_convertvector(rounded, halves);
    memcpy(p, &raw, sizeof raw);
}

// Sums of all lanes by halving: a chain of additions would wait for each of them.
template <int bytes, typename V> static inline auto folded(V x) {
    typedef decltype(x[0] + x[0]) scalar;
    typedef scalar half __attribute__((vector_size(bytes)));
    half low, high;
    memcpy(&low, &x, bytes);
    memcpy(&high, (const char *)&x + bytes, bytes);
    return low + high;
}
template <typename V> static inline auto sum(V x) {
#ifdef __AVX512F__
    auto quarter = folded<16>(folded<32>(x));
#else
    auto quarter = folded<16>(x);
#endif
    auto pair = quarter[0] + quarter[1];
    for (unsigned i = 2; i < sizeof quarter / sizeof pair; i++) pair += quarter[i];
    return pair;
}

// The sums of eight vectors, side by side.
template <typename V, typename A> static inline void sum_each(const V *totals, A *out) {
#ifdef __AVX2__
    if constexpr (sizeof(A) == 4) {
        __m256 half[8];
        for (int i = 0; i < 8; i++) {
#ifdef __AVX512F__
            __m512d whole = (__m512d)totals[i];
            half[i] = _mm256_add_ps((__m256)_mm512_castpd512_pd256(whole),
                                    (__m256)_mm512_extractf64x4_pd(whole, 1));
#else
            half[i] = (__m256)totals[i];
#endif
        }
        __m256 first = _mm256_hadd_ps(_mm256_hadd_ps(half[0], half[1]),
                                      _mm256_hadd_ps(half[2], half[3]));
        __m256 second = _mm256_hadd_ps(_mm256_hadd_ps(half[4], half[5]),
                                       _mm256_hadd_ps(half[6], half[7]));
        _mm256_storeu_ps(out, _mm256_add_ps(_mm256_permute2f128_ps(first, second, 0x20),
                                            _mm256_permute2f128_ps(first, second, 0x31)));
        return;
    }
#endif
    for (int i = 0; i < 8; i++) out[i] = sum(totals[i]);
}

// e^x for x <= 0, 2 ulp: 2^n * e^r with |r| <= ln(2) / 2 by a polynomial of degree 6 (Cephes).
static inline floats exponential(floats x) {
    x = x < -87.0f ? (floats){} - 87.0f : x;
    floats n = x * 1.44269504f;
    integers whole = __builtin_convertvector(n - 0.5f, integers);
    floats floor = __builtin_convertvector(whole, floats);
    floats r = x - floor * 0.693359375f + floor * 2.12194440e-4f;
    floats p = (floats){} + 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    integers scale = (whole + 127) << 23;
    return p * (floats)scale;
}
// The same in double, 1 ulp: the Taylor series to degree 13. Added to 1.5 * 2^52, a number is rounded
// to a whole one that stands in the lowest bits.
static inline doubles exponential(doubles x) {
    constexpr double kWhole = 6755399441055744.0;
    x = x < -708.0 ? (doubles){} - 708.0 : x;
    doubles shifted = x * 1.4426950408889634 + kWhole, n = shifted - kWhole;
    doubles r = x - n * 6.93147180369123816490e-01 - n * 1.90821492927058770002e-10;
    doubles p = (doubles){} + 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r * r + r + 1.0;
    longs scale = ((longs)shifted << 52) + (1023ll << 52);
    return p * (doubles)scale;
}
