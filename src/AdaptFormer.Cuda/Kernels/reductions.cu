// Sums of everything and sums by column. Each block leaves a part and a second kernel adds the parts in their order: no sum depends on timing.

__device__ inline double term(int kind, Numbers a, Numbers b, Long i) {
    float x = a.at(i);
    switch (kind) {
        case 0: return (double)x * b.at(i);                                   // dot
        case 1: return x;                                                     // sum
        case 2: return (double)x * x;                                         // squares
        default: return (__float_as_uint(x) & 0x7f800000u) == 0x7f800000u;    // how many are not finite
    }
}

__device__ inline double block_sum(double mine, double* parts) {
    parts[threadIdx.x] = mine;
    __syncthreads();
    for (int half = 128; half > 0; half >>= 1) {
        if ((int)threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    return parts[0];
}

KERNEL reduce(int kind, Numbers a, Numbers b, Long n, double* partial) {
    SHARED(double, parts, 256);
    double sum = 0;
    for (Long i = (Long)blockIdx.x * 256 + threadIdx.x; i < n; i += (Long)gridDim.x * 256) sum += term(kind, a, b, i);
    sum = block_sum(sum, parts);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// end: 0 y = factor*sum, 1 y = root of the sum, 2 y = whether the sum is nothing.
KERNEL reduce_end(int end, const double* partial, int count, float factor, Numbers y) {
    SHARED(double, parts, 256);
    double sum = 0;
    for (int i = threadIdx.x; i < count; i += 256) sum += partial[i];
    sum = block_sum(sum, parts);
    if (threadIdx.x == 0) y.put(0, end == 0 ? (float)(factor * sum) : end == 1 ? (float)sqrt(sum) : sum == 0 ? 1.0f : 0.0f);
}

// A block of 32 columns by 8 rows sums a strip of rows. kind: 0 a, 1 a*b, 2 what the scale and the shift of a layer norm get from dy = a and x = b.
KERNEL column_sums(int kind, Numbers a, Numbers b, Numbers mean, Numbers rstd, Long rows, int c, Long strip, Numbers partial, Numbers second) {
    SHARED(float, first_parts, 256);
    SHARED(float, second_parts, 256);
    int lane = threadIdx.x & 31, line = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
    Long from = (Long)blockIdx.y * strip, to = from + strip < rows ? from + strip : rows;
    float sum = 0, other = 0;
    if (column < c)
        for (Long row = from + line; row < to; row += 8) {
            float x = a.at(row * c + column);
            if (kind == 1) x *= b.at(row * c + column);
            if (kind == 2) {
                other += x;
                x *= (b.at(row * c + column) - mean.at(row)) * rstd.at(row);
            }
            sum += x;
        }
    first_parts[threadIdx.x] = sum;
    second_parts[threadIdx.x] = other;
    __syncthreads();
    if (line > 0 || column >= c) return;
    for (int i = 1; i < 8; i++) {
        sum += first_parts[i * 32 + lane];
        other += second_parts[i * 32 + lane];
    }
    partial.put((Long)blockIdx.y * c + column, sum);
    if (kind == 2) second.put((Long)blockIdx.y * c + column, other);
}

// y += factor * the sum of the strips.
KERNEL column_end(Numbers partial, int strips, int c, float factor, Numbers y) {
    EACH(column, c) {
        float sum = 0;
        for (int i = 0; i < strips; i++) sum += partial.at((Long)i * c + column);
        y.put(column, y.at(column) + factor * sum);
    }
}

// Mean and biased variance of each column; a batch has few rows.
KERNEL column_moments(Numbers x, int rows, int c, Numbers mean, Numbers variance) {
    EACH(column, c) {
        double sum = 0, squares = 0;
        for (int i = 0; i < rows; i++) sum += x.at((Long)i * c + column);
        double m = sum / rows;
        for (int i = 0; i < rows; i++) {
            double d = x.at((Long)i * c + column) - m;
            squares += d * d;
        }
        mean.put(column, (float)m);
        variance.put(column, (float)(squares / rows));
    }
}

KERNEL normalize_columns(Numbers x, Numbers mean, Numbers rstd, int c, Numbers y, Long n) {
    EACH(i, n) y.put(i, (x.at(i) - mean.at(i % c)) * rstd.at(i % c));
}

// dx = rstd*(dy - mean(dy) - y*mean(dy*y)), means over the rows of each column.
KERNEL normalize_columns_backward(Numbers y, Numbers rstd, Numbers dy, int rows, int c, Numbers dx) {
    EACH(column, c) {
        double sum = 0, products = 0;
        for (int i = 0; i < rows; i++) {
            float d = dy.at((Long)i * c + column);
            sum += d;
            products += (double)d * y.at((Long)i * c + column);
        }
        float mean = (float)(sum / rows), product = (float)(products / rows);
        for (int i = 0; i < rows; i++) {
            Long at = (Long)i * c + column;
            dx.put(at, rstd.at(column) * (dy.at(at) - mean - y.at(at) * product));
        }
    }
}

// y[g] = mean of tokens start.. of x [groups, n, c].
KERNEL mean_tokens(Numbers x, int n, int c, int start, Numbers y, Long total) {
    EACH(i, total) {
        Long first = (i / c) * n * c + i % c;
        float sum = 0;
        for (int token = start; token < n; token++) sum += x.at(first + (Long)token * c);
        y.put(i, sum / (n - start));
    }
}

KERNEL mean_tokens_backward(Numbers dy, int n, int c, int start, Numbers dx, Long total) {
    float share = 1.0f / (n - start);
    EACH(i, total) dx.put(i, (i / c) % n < start ? 0.0f : share * dy.at(i / ((Long)n * c) * c + i % c));
}
