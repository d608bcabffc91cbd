// Losses and their gradients by the logits, in double: a batch has few logits, and saturated ones need the digits.

__device__ inline double logistic(double x) {
    double decay = exp(-fabs(x));
    return x >= 0 ? 1.0 / (1.0 + decay) : decay / (1.0 + decay);
}

// A warp takes a row; every lane gets the sum, always added in one order.
__device__ inline double warp_sum_double(double v) {
    for (int mask = 16; mask > 0; mask >>= 1) v += SHUFFLE_XOR(v, mask);
    return v;
}

__device__ inline double log_sum_exp(Numbers z, Long first, int k, int lane) {
    float most = __uint_as_float(0xff800000u);
    double sum = 0;
    for (int j = lane; j < k; j += 32) most = fmaxf(most, z.at(first + j));
    most = warp_max(most);
    for (int j = lane; j < k; j += 32) sum += exp((double)z.at(first + j) - most);
    return most + log(warp_sum_double(sum));
}

KERNEL cross_entropy(Numbers z, Numbers t, int k, Numbers losses, Numbers gradient, Long rows) {
    Long row = (Long)blockIdx.x * 8 + threadIdx.x / 32, first = row * k;
    int lane = threadIdx.x & 31;
    if (row >= rows) return;
    double mass = 0, loss = 0;
    for (int j = lane; j < k; j += 32) mass += t.at(first + j);
    mass = warp_sum_double(mass);
    double all = log_sum_exp(z, first, k, lane);
    for (int j = lane; j < k; j += 32) {
        double logP = z.at(first + j) - all, target = t.at(first + j);
        if (target != 0) loss -= target * logP;
        gradient.put(first + j, mass == 0 ? 0.0f : (float)(mass * exp(logP) - target));      // a row without targets counts for nothing
    }
    loss = warp_sum_double(loss);
    if (lane == 0) losses.put(row, mass == 0 ? 0.0f : (float)loss);
}

KERNEL binary_cross_entropy(Numbers z, Numbers t, Numbers losses, Numbers gradient, Long n) {
    EACH(i, n) {
        double x = z.at(i), target = t.at(i);
        losses.put(i, (float)((x > 0 ? x : 0) - x * target + log(1.0 + exp(-fabs(x)))));
        gradient.put(i, (float)(logistic(x) - target));
    }
}

KERNEL asymmetric_loss(Numbers z, Numbers t, float gammaPositive, float gammaNegative, float clip, float eps, int focal, Numbers losses,
                       Numbers gradient, Long n) {
    EACH(i, n) {
        double x = z.at(i), y = t.at(i), p = logistic(x), dp = p * logistic(-x), q = logistic(-x) + clip, dq = -dp;
        if (q > 1) {
            q = 1;      // an easy negative: clipped, no gradient
            dq = 0;
        }
        double logP = log(p > eps ? p : (double)eps), dLogP = p >= eps ? dp / p : 0, logQ = log(q > eps ? q : (double)eps), dLogQ = q >= eps ? dq / q : 0;
        double value = y * logP + (1 - y) * logQ, dValue = y * dLogP + (1 - y) * dLogQ;
        double miss = 1 - (y * p + (1 - y) * q), dMiss = -(y * dp + (1 - y) * dq), gamma = gammaPositive * y + gammaNegative * (1 - y);
        double weight = pow(miss, gamma), dWeight = focal && miss > 0 ? gamma * pow(miss, gamma - 1) * dMiss : 0;
        losses.put(i, (float)(-weight * value));
        gradient.put(i, (float)(-(weight * dValue + dWeight * value)));
    }
}

// A class's share of the loss and its gradient by log p.
__device__ inline double single_label_term(double logP, bool right, double gammaPositive, double gammaNegative, double smoothing, int k, double* slope) {
    double p = exp(logP), target = smoothing / k + (right ? 1 - smoothing : 0), gamma = right ? gammaPositive : gammaNegative;
    double rest = right ? 1 - p : p, weight = pow(rest, gamma), by = rest > 0 ? gamma * pow(rest, gamma - 1) * (right ? -1 : 1) : 0;
    *slope = -target * (weight + logP * p * by);
    return -target * weight * logP;
}

KERNEL asymmetric_single_label_loss(Numbers z, const int* labels, int k, float gammaPositive, float gammaNegative, float smoothing, Numbers losses,
                                    Numbers gradient, Long rows) {
    Long row = (Long)blockIdx.x * 8 + threadIdx.x / 32, first = row * k;
    int lane = threadIdx.x & 31;
    if (row >= rows) return;
    double all = log_sum_exp(z, first, k, lane), loss = 0, total = 0, slope;
    for (int j = lane; j < k; j += 32) {
        loss += single_label_term(z.at(first + j) - all, j == labels[row], gammaPositive, gammaNegative, smoothing, k, &slope);
        total += slope;
    }
    loss = warp_sum_double(loss);
    total = warp_sum_double(total);
    for (int j = lane; j < k; j += 32) {
        double logP = z.at(first + j) - all;
        single_label_term(logP, j == labels[row], gammaPositive, gammaNegative, smoothing, k, &slope);
        gradient.put(first + j, (float)(slope - exp(logP) * total));
    }
    if (lane == 0) losses.put(row, (float)loss);
}
