// Rows: layer norm and softmax, one warp of 32 threads a row, 8 rows a block.

#define ROW(row, lane, rows) \
    Long row = (Long)blockIdx.x * 8 + threadIdx.x / 32; \
    int lane = threadIdx.x & 31; \
    if (row >= rows) return;

KERNEL layer_norm(Numbers x, Numbers gamma, Numbers beta, float eps, Numbers mean, Numbers rstd, Numbers y, Long rows, int c) {
    ROW(row, lane, rows)
    Long first = row * c;
    float sum = 0, squares = 0;
    for (int j = lane; j < c; j += 32) sum += x.at(first + j);
    float m = warp_sum(sum) / c;
    for (int j = lane; j < c; j += 32) {
        float d = x.at(first + j) - m;
        squares += d * d;
    }
    float r = 1.0f / sqrtf(warp_sum(squares) / c + eps);
    for (int j = lane; j < c; j += 32)
        y.put(first + j, (x.at(first + j) - m) * r * (gamma.data ? gamma.at(j) : 1.0f) + (beta.data ? beta.at(j) : 0.0f));
    if (lane > 0) return;
    if (mean.data) mean.put(row, m);
    if (rstd.data) rstd.put(row, r);
}

KERNEL layer_norm_backward(Numbers x, Numbers mean, Numbers rstd, Numbers gamma, Numbers dy, Numbers dx, int accumulate, Long rows, int c) {
    ROW(row, lane, rows)
    Long first = row * c;
    float m = mean.at(row), r = rstd.at(row), sum = 0, products = 0;
    for (int j = lane; j < c; j += 32) {
        float g = dy.at(first + j) * (gamma.data ? gamma.at(j) : 1.0f);
        sum += g;
        products += g * (x.at(first + j) - m) * r;
    }
    sum = warp_sum(sum) / c;
    products = warp_sum(products) / c;
    for (int j = lane; j < c; j += 32) {
        float g = dy.at(first + j) * (gamma.data ? gamma.at(j) : 1.0f), d = r * (g - sum - (x.at(first + j) - m) * r * products);
        dx.put(first + j, accumulate ? dx.at(first + j) + d : d);
    }
}

// p = softmax(s + bias[head] + mask[window]) of scores [samples, heads, queries, n]; bias is [heads, queries, n], mask [windows, queries, n]. s may be p.
KERNEL softmax(Numbers s, Numbers bias, int heads, Numbers mask, int windows, int queries, int n, Numbers p, Long rows) {
    ROW(row, lane, rows)
    Long first = row * n, query = row % queries, head = row / queries % heads, window = row / queries / heads % windows;
    Long biased = (head * queries + query) * n, masked = (window * queries + query) * n;
    float most = __uint_as_float(0xff800000u), sum = 0;
    for (int j = lane; j < n; j += 32) {
        float score = s.at(first + j) + (bias.data ? bias.at(biased + j) : 0.0f) + (mask.data ? mask.at(masked + j) : 0.0f);
        s.put(first + j, score);
        most = fmaxf(most, score);
    }
    most = warp_max(most);
    for (int j = lane; j < n; j += 32) sum += expf(s.at(first + j) - most);
    sum = 1.0f / warp_sum(sum);
    for (int j = lane; j < n; j += 32) p.put(first + j, expf(s.at(first + j) - most) * sum);
}

// ds = p*(dp - sum of dp*p); dp may be ds.
KERNEL softmax_backward(Numbers p, Numbers dp, int n, Numbers ds, Long rows) {
    ROW(row, lane, rows)
    Long first = row * n;
    float sum = 0;
    for (int j = lane; j < n; j += 32) sum += p.at(first + j) * dp.at(first + j);
    sum = warp_sum(sum);
    for (int j = lane; j < n; j += 32) ds.put(first + j, p.at(first + j) * (dp.at(first + j) - sum));
}
