// What every kernel file begins with. Plain CUDA C without any header: NVRTC and hipRTC compile the files when they are packed or first used, and the
// tests compile the same text as C++ (cuda_on_cpu.h, which then stands in for this block).
#ifndef CUDA_ON_CPU
#define KERNEL extern "C" __global__ void
#define SHARED(type, name, count) __shared__ type name[count]
#ifdef __HIP_DEVICE_COMPILE__
#define SHUFFLE_XOR(v, mask) __shfl_xor(v, mask, 32)
#else
#define SHUFFLE_XOR(v, mask) __shfl_xor_sync(0xffffffffu, v, mask)
#endif
#endif

typedef long long Long;
typedef unsigned long long ULong;

__device__ inline float widened(unsigned short bits) { return __uint_as_float((unsigned)bits << 16); }

// To the nearest bf16, of two the even one.
__device__ inline unsigned short rounded(float x) {
    unsigned bits = __float_as_uint(x);
    return x != x ? (unsigned short)((bits >> 16) | 0x40) : (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

// The memory of a tensor, f32 or bf16: the same for every thread of a launch, so that asking costs next to nothing.
struct Numbers {
    void* data;
    int bfloat16;
    __device__ float at(Long i) const { return bfloat16 ? widened(((const unsigned short*)data)[i]) : ((const float*)data)[i]; }
    __device__ void put(Long i, float x) const {
        if (bfloat16) ((unsigned short*)data)[i] = rounded(x);
        else ((float*)data)[i] = x;
    }
};

// A block of 256 threads takes 1024 elements in four sweeps, so that neighbours read neighbouring addresses.
#define EACH(i, n) \
    for (Long i = (Long)blockIdx.x * 1024 + threadIdx.x, end_##i = (Long)(blockIdx.x + 1) * 1024 < (n) ? (Long)(blockIdx.x + 1) * 1024 : (n); \
         i < end_##i; i += 256)

__device__ inline float warp_sum(float v) {
    for (int mask = 16; mask > 0; mask >>= 1) v += SHUFFLE_XOR(v, mask);
    return v;
}

__device__ inline float warp_max(float v) {
    for (int mask = 16; mask > 0; mask >>= 1) v = fmaxf(v, SHUFFLE_XOR(v, mask));
    return v;
}

// Phi(x), with the exact error function.
__device__ inline float normal_cdf(float x) { return 0.5f * erfcf(-0.70710678118654752f * x); }
__device__ inline float gelu(float x) { return x < -30.0f ? 0.0f : x * normal_cdf(x); }
__device__ inline float gelu_slope(float x) { return normal_cdf(x) + (fabsf(x) > 30.0f ? 0.0f : x * 0.39894228040143268f * expf(-0.5f * x * x)); }
__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
