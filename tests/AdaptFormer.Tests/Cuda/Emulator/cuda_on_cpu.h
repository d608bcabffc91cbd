// CUDA C as C++ on one thread of the CPU, in front of a kernel file. Every thread of a block is a fiber; barriers and shuffles are where fibers wait for
// one another. A warp runs as far as it can before the next one starts, from the first to the last or the other way round, so that what lacks a barrier
// goes wrong. Shared memory is NaN at the start of a block.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#define CUDA_ON_CPU
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define KERNEL extern "C" void
#define SHARED(type, name, count) \
    static type name[count]; \
    static long name##_block; \
    cpu::fresh(&name##_block, name, sizeof(name))

struct dim3 { unsigned x = 1, y = 1, z = 1; };
struct uint4 { unsigned x, y, z, w; };
static dim3 gridDim, blockDim, blockIdx, threadIdx;

namespace cpu {
enum State { Ready, AtBarrier, AtWarp, Done };

struct Fiber {
#if defined(__x86_64__)
    void* stack_pointer;
#else
    ucontext_t context;
#endif
    State state;
    int site;
    dim3 thread;
    std::vector<char> stack;
};

static std::vector<Fiber*> fibers;
static Fiber* current;
static const std::function<void()>* body;
static long block_number;
static const char* failure;
static uint64_t slots[32][32];

#if defined(__x86_64__)
// A switch without a system call: the registers that a call preserves go to the old stack and come from the new one.
extern "C" void cpu_switch(void** save, void* to);
asm(".weak cpu_switch\n.type cpu_switch,@function\ncpu_switch:\n"
    " push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n mov %rsp,(%rdi)\n mov %rsi,%rsp\n"
    " pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n");
static void* scheduler;
static void to_scheduler(Fiber* from) { cpu_switch(&from->stack_pointer, scheduler); }
static void to_fiber(Fiber* to) { cpu_switch(&scheduler, to->stack_pointer); }
#else
static ucontext_t scheduler;
static void to_scheduler(Fiber* from) { swapcontext(&from->context, &scheduler); }
static void to_fiber(Fiber* to) { swapcontext(&scheduler, &to->context); }
#endif

static void entry() {
    (*body)();
    current->state = Done;
    to_scheduler(current);
    abort();
}

static void prepare(Fiber* fiber) {
    if (fiber->stack.empty()) fiber->stack.resize(96 << 10);
#if defined(__x86_64__)
    void** top = (void**)(((uintptr_t)fiber->stack.data() + fiber->stack.size()) & ~(uintptr_t)15);
    *--top = nullptr;
    *--top = (void*)entry;
    for (int i = 0; i < 6; i++) *--top = nullptr;
    fiber->stack_pointer = top;
#else
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack.data();
    fiber->context.uc_stack.ss_size = fiber->stack.size();
    makecontext(&fiber->context, entry, 0);
#endif
}

static void wait(State state, int site) {
    Fiber* me = current;
    me->state = state;
    me->site = site;
    to_scheduler(me);
    current = me;
    threadIdx = me->thread;
}

// The memory of a block is as if nobody had written it.
static inline void fresh(long* seen, void* memory, size_t bytes) {
    if (*seen == block_number) return;
    *seen = block_number;
    memset(memory, 0xff, bytes);
}

static int index_in_block() { return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z); }

template <class T> static T exchange(T v, int lane, int site) {
    int id = index_in_block(), warp = id / 32;
    uint64_t raw = 0;
    memcpy(&raw, &v, sizeof(T));
    slots[warp][id % 32] = raw;
    wait(AtWarp, site);
    raw = slots[warp][lane & 31];
    wait(AtWarp, -site);
    memcpy(&v, &raw, sizeof(T));
    return v;
}

// Lets the fibers of one warp run until each is done or waits at a barrier of the block.
static bool run_warp(int first, int end) {
    bool ran = false;
    for (;;) {
        for (int i = first; i < end; i++) {
            if (fibers[i]->state != Ready) continue;
            ran = true;
            current = fibers[i];
            threadIdx = current->thread;
            to_fiber(current);
        }
        int waiting = 0, done = 0, site = 0;
        bool same = true;
        for (int i = first; i < end; i++) {
            if (fibers[i]->state == Done) done++;
            if (fibers[i]->state != AtWarp) continue;
            if (waiting++ == 0) site = fibers[i]->site;
            else same = same && site == fibers[i]->site;
        }
        if (waiting == 0) return ran;
        if (waiting != end - first || done > 0) failure = "lanes of a warp diverged at a shuffle";
        else if (!same) failure = "lanes of a warp are at different shuffles";
        if (failure) return false;
        for (int i = first; i < end; i++) fibers[i]->state = Ready;
    }
}

static void run_block(int threads, bool backwards) {
    block_number++;
    for (int i = 0; i < threads; i++) {
        Fiber* fiber = fibers[i];
        prepare(fiber);
        fiber->thread.x = i % blockDim.x;
        fiber->thread.y = i / blockDim.x % blockDim.y;
        fiber->thread.z = i / blockDim.x / blockDim.y;
        fiber->state = Ready;
    }
    int warps = (threads + 31) / 32;
    for (;;) {
        bool ran = false;
        for (int w = 0; w < warps && !failure; w++) {
            int warp = backwards ? warps - 1 - w : w, end = warp * 32 + 32 < threads ? warp * 32 + 32 : threads;
            ran = run_warp(warp * 32, end) || ran;
        }
        if (failure) return;
        int done = 0, waiting = 0;
        for (int i = 0; i < threads; i++) {
            done += fibers[i]->state == Done;
            waiting += fibers[i]->state == AtBarrier;
        }
        if (done == threads) return;
        if (!ran || done > 0) {
            failure = "__syncthreads was not reached by all threads of a block";
            return;
        }
        for (int i = 0; i < threads; i++) fibers[i]->state = Ready;
    }
}

// Addresses of the device become those of the memory that stands for it: pointers, and the member data of structures.
static char* moved(char* address, long shift) { return address ? address + shift : address; }
template <class T, class = void> struct Argument {
    static T of(void* p, long) { return *(T*)p; }
};
template <class T> struct Argument<T*> {
    static T* of(void* p, long shift) { return (T*)moved(*(char**)p, shift); }
};
template <class T> struct Argument<T, std::void_t<decltype(T::data)>> {
    static T of(void* p, long shift) {
        T structure = *(T*)p;
        structure.data = moved((char*)structure.data, shift);
        return structure;
    }
};

// A launch waits in its stream, so its arguments are copied now.
struct Launch {
    std::function<void()> call;
};

template <class... A, size_t... I> static Launch* bound(void (*kernel)(A...), void** p, long shift, std::index_sequence<I...>) {
    std::tuple<A...> arguments{Argument<A>::of(p[I], shift)...};
    return new Launch{[=] { std::apply(kernel, arguments); }};
}
template <class... A> static Launch* bind(void (*kernel)(A...), void** p, long shift) { return bound(kernel, p, shift, std::index_sequence_for<A...>()); }

static const char* run(Launch* launch, const unsigned* dims, bool backwards) {
    gridDim = {dims[0], dims[1], dims[2]};
    blockDim = {dims[3], dims[4], dims[5]};
    body = &launch->call;
    failure = nullptr;
    int threads = blockDim.x * blockDim.y * blockDim.z;
    while ((int)fibers.size() < threads) fibers.push_back(new Fiber());
    for (unsigned z = 0; z < gridDim.z && !failure; z++)
        for (unsigned y = 0; y < gridDim.y && !failure; y++)
            for (unsigned x = 0; x < gridDim.x && !failure; x++) {
                blockIdx = {x, y, z};
                run_block(threads, backwards);
            }
    return failure;
}
}

// Several emulated cards of one process share this library, and what stands for a block is in its static memory.
extern "C" const char* cpu_run(void* launch, const unsigned* dims, int backwards) {
    static std::mutex one;
    std::lock_guard<std::mutex> lock(one);
    return cpu::run((cpu::Launch*)launch, dims, backwards);
}
extern "C" void cpu_free(void* launch) { delete (cpu::Launch*)launch; }

#define __syncthreads() cpu::wait(cpu::AtBarrier, __LINE__)
#define __syncwarp() cpu::wait(cpu::AtWarp, __LINE__)
#define SHUFFLE_XOR(v, mask) cpu::exchange(v, (cpu::index_in_block() % 32) ^ (mask), __LINE__)

static inline float __uint_as_float(unsigned bits) {
    float f;
    memcpy(&f, &bits, 4);
    return f;
}
static inline unsigned __float_as_uint(float f) {
    unsigned bits;
    memcpy(&bits, &f, 4);
    return bits;
}
static inline float rsqrtf(float x) { return 1 / sqrtf(x); }

// mma.sync.m16n8k16, bf16 in, f32 out, with the layout of fragments in the manual of PTX.
namespace cpu {
static unsigned fragments[32][32][6];
}
static inline void mma16816(float d[4], const unsigned a[4], const unsigned b[2]) {
    int id = cpu::index_in_block(), lane = id % 32;
    auto& all = cpu::fragments[id / 32];
    for (int i = 0; i < 4; i++) all[lane][i] = a[i];
    for (int i = 0; i < 2; i++) all[lane][4 + i] = b[i];
    cpu::wait(cpu::AtWarp, 1 << 20);
    auto half = [](unsigned pair, int high) { return __uint_as_float(high ? pair & 0xffff0000u : pair << 16); };
    for (int r = 0; r < 4; r++) {
        int row = lane / 4 + (r >= 2 ? 8 : 0), column = lane % 4 * 2 + (r & 1);
        float sum = d[r];
        for (int k = 0; k < 16; k++) {
            unsigned left = all[row % 8 * 4 + k % 8 / 2][(row >= 8 ? 1 : 0) + (k >= 8 ? 2 : 0)], right = all[column * 4 + k % 8 / 2][4 + (k >= 8 ? 1 : 0)];
            sum += half(left, k & 1) * half(right, k & 1);
        }
        d[r] = sum;
    }
    cpu::wait(cpu::AtWarp, 1 << 21);
}
