// Attention on the matrix units, in bf16 for heads of 32 and 64 numbers: queries, keys and values are read in place from the fused projection
// qkv [B, N, 3*C], and no score ever leaves the registers (FlashAttention-2, arXiv:2307.08691). A block has 128 threads: four warps of 16 rows each.
// S = factor*Q*K' + bias[head] + mask[sample mod windows]. There are no atomics: the backward pass has one kernel for rows of keys and one for queries.
#ifndef __HIP__

typedef unsigned short Half;

// Every loop over registers, so that their numbers are known and they stay registers.
#define UNROLL _Pragma("unroll")

#ifndef CUDA_ON_CPU
__device__ inline void mma16816(float d[4], const unsigned a[4], const unsigned b[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

#define LANES \
    int warp = threadIdx.x / 32, lane = threadIdx.x & 31, group = lane / 4, quad = lane % 4; \
    (void)warp; (void)group; (void)quad;
#define NOTHING -1e30f

__device__ inline unsigned packed(float low, float high) { return (unsigned)rounded(low) | (unsigned)rounded(high) << 16; }

// Rows first.. of a matrix into shared memory, 16 bytes a thread; zeros from row limit on.
template <int D, int ROWS> __device__ inline void load_rows(Half* to, const Half* from, Long stride, int first, int limit) {
    for (int e = threadIdx.x * 8; e < ROWS * D; e += 128 * 8) {
        int row = e / D, column = e % D;
        uint4 zeros = {0, 0, 0, 0};
        *(uint4*)(to + row * (D + 8) + column) = first + row < limit ? *(const uint4*)(from + (Long)(first + row) * stride + column) : zeros;
    }
}

// 16 rows of a matrix as left operands; zeros from row limit on.
template <int D> __device__ inline void load_left(unsigned a[D / 16][4], const Half* from, Long stride, int first, int limit) {
    LANES
    UNROLL
    for (int k = 0; k < D / 16; k++)
        UNROLL
        for (int r = 0; r < 4; r++) {
            int row = first + group + (r & 1 ? 8 : 0), column = k * 16 + quad * 2 + (r >= 2 ? 8 : 0);
            a[k][r] = row < limit ? *(const unsigned*)(from + (Long)row * stride + column) : 0u;
        }
}

// p = A*B' for the TILES*8 rows of B in shared memory.
template <int D, int TILES> __device__ inline void by_rows(float p[TILES][4], const unsigned a[D / 16][4], const Half* b) {
    LANES
    UNROLL
    for (int i = 0; i < TILES; i++) {
        UNROLL
        for (int r = 0; r < 4; r++) p[i][r] = 0;
        UNROLL
        for (int k = 0; k < D / 16; k++) {
            const Half* at = b + (i * 8 + group) * (D + 8) + k * 16 + quad * 2;
            unsigned right[2] = {*(const unsigned*)at, *(const unsigned*)(at + 8)};
            mma16816(p[i], a[k], right);
        }
    }
}

// o += P*B for a P of 16 by TILES*8 in registers and as many rows of B in shared memory.
template <int D, int TILES> __device__ inline void add_product(float o[D / 8][4], const float p[TILES][4], const Half* b) {
    LANES
    UNROLL
    for (int k = 0; k < TILES / 2; k++) {
        unsigned left[4];
        UNROLL
        for (int r = 0; r < 4; r++) {
            const float* pair = p[2 * k + (r >= 2)] + (r & 1 ? 2 : 0);
            left[r] = packed(pair[0], pair[1]);
        }
        UNROLL
        for (int i = 0; i < D / 8; i++) {
            const Half* at = b + (k * 16 + quad * 2) * (D + 8) + i * 8 + group;
            unsigned right[2] = {(unsigned)at[0] | (unsigned)at[D + 8] << 16, (unsigned)at[8 * (D + 8)] | (unsigned)at[9 * (D + 8)] << 16};
            mma16816(o[i], left, right);
        }
    }
}

// What is added to the score of a query and a key.
struct Added {
    Numbers bias, mask;
    Long biased, masked;
    int tokens;
    __device__ float at(int query, int key) const {
        Long place = (Long)query * tokens + key;
        return (bias.data ? bias.at(biased + place) : 0.0f) + (mask.data ? mask.at(masked + place) : 0.0f);
    }
};

__device__ inline Added added(Numbers bias, Numbers mask, int windows, int head, int sample, int tokens) {
    Long square = (Long)tokens * tokens;
    Added a = {bias, mask, head * square, sample % windows * square, tokens};
    return a;
}

template <int D> __device__ inline void attend(const Half* qkv, int tokens, int queries, int heads, float factor, Numbers bias, Numbers mask, int windows, Half* y,
                                               float* log_sums) {
    LANES
    SHARED(Half, keys, 64 * (D + 8));
    SHARED(Half, values, 64 * (D + 8));
    int head = blockIdx.x % heads, sample = blockIdx.x / heads, first = blockIdx.y * 64 + warp * 16;
    Long c = heads * D, stride = 3 * c;
    const Half *q = qkv + sample * (Long)tokens * stride + head * D, *k = q + c, *v = k + c;
    Added more = added(bias, mask, windows, head, sample, tokens);
    bool adds = bias.data || mask.data;
    unsigned left[D / 16][4];
    load_left<D>(left, q, stride, first, queries);
    float most[2] = {NOTHING, NOTHING}, sum[2] = {0, 0}, o[D / 8][4];
    UNROLL
    for (int i = 0; i < D / 8; i++)
        UNROLL
        for (int r = 0; r < 4; r++) o[i][r] = 0;
    for (int j = 0; j < tokens; j += 64) {
        __syncthreads();
        load_rows<D, 64>(keys, k, stride, j, tokens);
        load_rows<D, 64>(values, v, stride, j, tokens);
        __syncthreads();
        float p[8][4];
        by_rows<D, 8>(p, left, keys);
        UNROLL
        for (int i = 0; i < 8; i++)
            UNROLL
            for (int r = 0; r < 4; r++) {
                int key = j + i * 8 + quad * 2 + (r & 1), query = first + group + (r & 2 ? 8 : 0);
                p[i][r] = key < tokens ? p[i][r] * factor + (adds && query < queries ? more.at(query, key) : 0.0f) : NOTHING;
            }
        UNROLL
        for (int u = 0; u < 2; u++) {      // rows group and group + 8
            float top = most[u], part = 0;
            UNROLL
            for (int i = 0; i < 8; i++) top = fmaxf(top, fmaxf(p[i][2 * u], p[i][2 * u + 1]));
            top = fmaxf(top, SHUFFLE_XOR(top, 1));
            top = fmaxf(top, SHUFFLE_XOR(top, 2));
            float keep = expf(most[u] - top);
            most[u] = top;
            UNROLL
            for (int i = 0; i < 8; i++)
                UNROLL
                for (int w = 0; w < 2; w++) part += p[i][2 * u + w] = expf(p[i][2 * u + w] - top);
            sum[u] = sum[u] * keep + part;
            UNROLL
            for (int i = 0; i < D / 8; i++) {
                o[i][2 * u] *= keep;
                o[i][2 * u + 1] *= keep;
            }
        }
        add_product<D, 8>(o, p, values);
    }
    UNROLL
    for (int u = 0; u < 2; u++) {
        float total = sum[u];
        total += SHUFFLE_XOR(total, 1);
        total += SHUFFLE_XOR(total, 2);
        int row = first + group + 8 * u;
        if (row >= queries) continue;
        Half* to = y + (sample * (Long)queries + row) * c + head * D + quad * 2;
        UNROLL
        for (int i = 0; i < D / 8; i++) *(unsigned*)(to + i * 8) = packed(o[i][2 * u] / total, o[i][2 * u + 1] / total);
        if (log_sums && quad == 0) log_sums[(Long)blockIdx.x * queries + row] = most[u] + logf(total);
    }
}

// products[pair, query] = the sum of dy*y over a head's numbers; one warp a query, 8 a block of 256 threads.
template <int D> __device__ inline void row_products(const Half* y, const Half* dy, int queries, int heads, float* products, Long rows) {
    Long row = (Long)blockIdx.x * 8 + threadIdx.x / 32, pair = row / queries, sample = pair / heads;
    int lane = threadIdx.x & 31;
    if (row >= rows) return;
    Long first = ((sample * queries + row % queries) * heads + pair % heads) * D;
    float sum = 0;
    for (int d = lane; d < D; d += 32) sum += widened(y[first + d]) * widened(dy[first + d]);
    sum = warp_sum(sum);
    if (lane == 0) products[row] = sum;
}

// dK and dV of 64 keys a block: with the roles of rows and columns exchanged, P' = exp(factor*K*Q' + ... - log sum), dV += P'*dY,
// dS' = P'*(V*dY' - products), dK += factor*dS'*Q, over 32 queries at a time.
template <int D> __device__ inline void attend_back_keys(const Half* qkv, const Half* dy, const float* log_sums, const float* products, int tokens, int queries,
                                                         int heads, float factor, Numbers bias, Numbers mask, int windows, Half* dqkv) {
    LANES
    SHARED(Half, asked, 32 * (D + 8));
    SHARED(Half, given, 32 * (D + 8));
    int head = blockIdx.x % heads, sample = blockIdx.x / heads, first = blockIdx.y * 64 + warp * 16;
    Long c = heads * D, stride = 3 * c, base = sample * (Long)tokens * stride + head * D;
    const Half *q = qkv + base, *k = q + c, *v = k + c, *g = dy + sample * (Long)queries * c + head * D;
    Added more = added(bias, mask, windows, head, sample, tokens);
    bool adds = bias.data || mask.data;
    unsigned key_rows[D / 16][4], value_rows[D / 16][4];
    load_left<D>(key_rows, k, stride, first, tokens);
    load_left<D>(value_rows, v, stride, first, tokens);
    float dk[D / 8][4], dv[D / 8][4];
    UNROLL
    for (int i = 0; i < D / 8; i++)
        UNROLL
        for (int r = 0; r < 4; r++) dk[i][r] = dv[i][r] = 0;
    for (int j = 0; j < queries; j += 32) {
        __syncthreads();
        load_rows<D, 32>(asked, q, stride, j, queries);
        load_rows<D, 32>(given, g, c, j, queries);
        __syncthreads();
        float p[4][4], ds[4][4];
        by_rows<D, 4>(p, key_rows, asked);
        by_rows<D, 4>(ds, value_rows, given);
        UNROLL
        for (int i = 0; i < 4; i++)
            UNROLL
            for (int r = 0; r < 4; r++) {
                int query = j + i * 8 + quad * 2 + (r & 1), key = first + group + (r & 2 ? 8 : 0);
                if (query < queries && key < tokens) {
                    Long at = (Long)blockIdx.x * queries + query;
                    p[i][r] = expf(p[i][r] * factor + (adds ? more.at(query, key) : 0.0f) - log_sums[at]);
                    ds[i][r] = p[i][r] * (ds[i][r] - products[at]);
                } else p[i][r] = ds[i][r] = 0;
            }
        add_product<D, 4>(dv, p, given);
        add_product<D, 4>(dk, ds, asked);
    }
    UNROLL
    for (int u = 0; u < 2; u++) {
        int row = first + group + 8 * u;
        if (row >= tokens) continue;
        Half* to = dqkv + base + row * stride + c + quad * 2;
        UNROLL
        for (int i = 0; i < D / 8; i++) {
            *(unsigned*)(to + i * 8) = packed(factor * dk[i][2 * u], factor * dk[i][2 * u + 1]);
            *(unsigned*)(to + c + i * 8) = packed(dv[i][2 * u], dv[i][2 * u + 1]);
        }
    }
}

// dQ of 64 queries a block, over 32 keys at a time; zeros for tokens that asked nothing.
template <int D> __device__ inline void attend_back_queries(const Half* qkv, const Half* dy, const float* log_sums, const float* products, int tokens, int queries,
                                                            int heads, float factor, Numbers bias, Numbers mask, int windows, Half* dqkv) {
    LANES
    SHARED(Half, keys, 32 * (D + 8));
    SHARED(Half, values, 32 * (D + 8));
    int head = blockIdx.x % heads, sample = blockIdx.x / heads, first = blockIdx.y * 64 + warp * 16;
    Long c = heads * D, stride = 3 * c, base = sample * (Long)tokens * stride + head * D;
    const Half *q = qkv + base, *k = q + c, *v = k + c, *g = dy + sample * (Long)queries * c + head * D;
    Added more = added(bias, mask, windows, head, sample, tokens);
    bool adds = bias.data || mask.data;
    unsigned query_rows[D / 16][4], given[D / 16][4];
    load_left<D>(query_rows, q, stride, first, queries);
    load_left<D>(given, g, c, first, queries);
    float dq[D / 8][4];
    UNROLL
    for (int i = 0; i < D / 8; i++)
        UNROLL
        for (int r = 0; r < 4; r++) dq[i][r] = 0;
    for (int j = 0; j < tokens; j += 32) {
        __syncthreads();
        load_rows<D, 32>(keys, k, stride, j, tokens);
        load_rows<D, 32>(values, v, stride, j, tokens);
        __syncthreads();
        float p[4][4], ds[4][4];
        by_rows<D, 4>(p, query_rows, keys);
        by_rows<D, 4>(ds, given, values);
        UNROLL
        for (int i = 0; i < 4; i++)
            UNROLL
            for (int r = 0; r < 4; r++) {
                int key = j + i * 8 + quad * 2 + (r & 1), query = first + group + (r & 2 ? 8 : 0);
                if (query < queries && key < tokens) {
                    Long at = (Long)blockIdx.x * queries + query;
                    ds[i][r] = expf(p[i][r] * factor + (adds ? more.at(query, key) : 0.0f) - log_sums[at]) * (ds[i][r] - products[at]);
                } else ds[i][r] = 0;
            }
        add_product<D, 4>(dq, ds, keys);
    }
    UNROLL
    for (int u = 0; u < 2; u++) {
        int row = first + group + 8 * u;
        if (row >= tokens) continue;
        Half* to = dqkv + base + row * stride + quad * 2;
        UNROLL
        for (int i = 0; i < D / 8; i++) *(unsigned*)(to + i * 8) = packed(factor * dq[i][2 * u], factor * dq[i][2 * u + 1]);
    }
}

KERNEL __launch_bounds__(128) attention_32(const Half* qkv, int tokens, int queries, int heads, float factor, Numbers bias, Numbers mask, int windows, Half* y,
                                           float* log_sums) {
    attend<32>(qkv, tokens, queries, heads, factor, bias, mask, windows, y, log_sums);
}

KERNEL __launch_bounds__(128) attention_64(const Half* qkv, int tokens, int queries, int heads, float factor, Numbers bias, Numbers mask, int windows, Half* y,
                                           float* log_sums) {
    attend<64>(qkv, tokens, queries, heads, factor, bias, mask, windows, y, log_sums);
}

KERNEL row_products_32(const Half* y, const Half* dy, int queries, int heads, float* products, Long rows) { row_products<32>(y, dy, queries, heads, products, rows); }

KERNEL row_products_64(const Half* y, const Half* dy, int queries, int heads, float* products, Long rows) { row_products<64>(y, dy, queries, heads, products, rows); }

KERNEL __launch_bounds__(128) attention_keys_32(const Half* qkv, const Half* dy, const float* log_sums, const float* products, int tokens, int queries, int heads,
                                                float factor, Numbers bias, Numbers mask, int windows, Half* dqkv) {
    attend_back_keys<32>(qkv, dy, log_sums, products, tokens, queries, heads, factor, bias, mask, windows, dqkv);
}

KERNEL __launch_bounds__(128) attention_keys_64(const Half* qkv, const Half* dy, const float* log_sums, const float* products, int tokens, int queries, int heads,
                                                float factor, Numbers bias, Numbers mask, int windows, Half* dqkv) {
    attend_back_keys<64>(qkv, dy, log_sums, products, tokens, queries, heads, factor, bias, mask, windows, dqkv);
}

KERNEL __launch_bounds__(128) attention_queries_32(const Half* qkv, const Half* dy, const float* log_sums, const float* products, int tokens, int queries, int heads,
                                                   float factor, Numbers bias, Numbers mask, int windows, Half* dqkv) {
    attend_back_queries<32>(qkv, dy, log_sums, products, tokens, queries, heads, factor, bias, mask, windows, dqkv);
}

KERNEL __launch_bounds__(128) attention_queries_64(const Half* qkv, const Half* dy, const float* log_sums, const float* products, int tokens, int queries, int heads,
                                                   float factor, Numbers bias, Numbers mask, int windows, Half* dqkv) {
    attend_back_queries<64>(qkv, dy, log_sums, products, tokens, queries, heads, factor, bias, mask, windows, dqkv);
}

#endif
