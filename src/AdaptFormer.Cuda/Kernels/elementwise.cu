// Sums, products and nonlinearities, one element a thread and sweep.

KERNEL fill(Numbers y, float value, Long n) { EACH(i, n) y.put(i, value); }

// Bytes of pictures [B, 3, plane] by a table of 256 numbers a channel.
KERNEL normalize_pixels(const unsigned char* bytes, const float* table, Long plane, Numbers y, Long n) {
    EACH(i, n) y.put(i, table[i / plane % 3 * 256 + bytes[i]]);
}

KERNEL scale(Numbers x, float factor, Numbers y, Long n) { EACH(i, n) y.put(i, factor * x.at(i)); }

KERNEL copy(Numbers x, Numbers y, Long n) { EACH(i, n) y.put(i, x.at(i)); }

KERNEL add(Numbers a, Numbers b, Numbers y, Long n) { EACH(i, n) y.put(i, a.at(i) + b.at(i)); }

KERNEL add_into(Numbers y, Numbers x, float factor, Long n) { EACH(i, n) y.put(i, y.at(i) + factor * x.at(i)); }

KERNEL scale_by(Numbers x, Numbers s, float factor, Numbers y, Long n) { EACH(i, n) y.put(i, factor * s.at(0) * x.at(i)); }

KERNEL scale_slices(Numbers x, Numbers factors, Long slice, Numbers y, Long n) { EACH(i, n) y.put(i, factors.at(i / slice) * x.at(i)); }

KERNEL scale_features(Numbers x, Numbers gamma, Numbers beta, int c, Numbers y, Long n) {
    EACH(i, n) y.put(i, gamma.at(i % c) * x.at(i) + (beta.data ? beta.at(i % c) : 0.0f));
}

KERNEL multiply(Numbers a, Numbers b, Numbers y, Long n) { EACH(i, n) y.put(i, a.at(i) * b.at(i)); }

KERNEL add_broadcast(Numbers x, Numbers p, Long period, Numbers y, Long n) { EACH(i, n) y.put(i, x.at(i) + p.at(i % period)); }

KERNEL lerp(Numbers y, Numbers x, float share, Long n) { EACH(i, n) y.put(i, y.at(i) + share * (x.at(i) - y.at(i))); }

KERNEL inverse_root(Numbers x, float eps, Numbers y, Long n) { EACH(i, n) y.put(i, (float)(1.0 / sqrt((double)x.at(i) + eps))); }

// In the order of ActivationKind: ReLU, GELU, GELU as CLIP approximates it, tanh, sigmoid.
__device__ inline float activated(int kind, float x) {
    switch (kind) {
        case 0: return x <= 0.0f ? 0.0f : x;
        case 1: return gelu(x);
        case 2: return x < -1e30f ? 0.0f : x * sigmoid(1.702f * x);
        case 3: return tanhf(x);
        default: return sigmoid(x);
    }
}

// What was kept is the input of both GELUs, the output of the others.
__device__ inline float slope(int kind, float kept) {
    switch (kind) {
        case 0: return kept <= 0.0f ? 0.0f : 1.0f;
        case 1: return gelu_slope(kept);
        case 2: {
            float s = sigmoid(1.702f * kept);
            return s + (fabsf(kept) > 1e30f ? 0.0f : 1.702f * kept * s * (1.0f - s));
        }
        case 3: return 1.0f - kept * kept;
        default: return kept * (1.0f - kept);
    }
}

KERNEL activate(int kind, Numbers x, Numbers y, Long n) { EACH(i, n) y.put(i, activated(kind, x.at(i))); }

KERNEL activate_backward(int kind, Numbers kept, Numbers dy, Numbers dx, Long n) { EACH(i, n) dx.put(i, slope(kind, kept.at(i)) * dy.at(i)); }

// y = residual + factor*f(product + bias); kind -1 for no f.
KERNEL finish_linear(Numbers product, Numbers bias, int c, int kind, Numbers residual, float factor, Numbers y, Long n) {
    EACH(i, n) {
        float t = product.at(i) + (bias.data ? bias.at(i % c) : 0.0f);
        if (kind >= 0) t = activated(kind, t);
        y.put(i, (residual.data ? residual.at(i) : 0.0f) + factor * t);
    }
}

// GELU with its derivative as a code of one byte or two: round(steps*slope) + zero. x may be y.
KERNEL gelu_code(Numbers x, Numbers y, void* code, int wide, float steps, float zero, Long n) {
    EACH(i, n) {
        float v = x.at(i), t = gelu_slope(v) * steps + zero + 0.5f, most = wide ? 65535.0f : 255.0f;
        t = t < 0.0f ? 0.0f : t > most ? most : t;
        y.put(i, gelu(v));
        if (wide) ((unsigned short*)code)[i] = (unsigned short)t;
        else ((unsigned char*)code)[i] = (unsigned char)t;
    }
}

KERNEL gelu_code_backward(const void* code, int wide, float steps, float zero, Numbers dy, Numbers dx, Long n) {
    EACH(i, n) {
        float known = wide ? ((const unsigned short*)code)[i] : ((const unsigned char*)code)[i];
        dx.put(i, dy.at(i) * ((known - zero) / steps));
    }
}

// SplitMix64's finish; the mask of element i is word i mod 4 of number i/4 of the stream, as on the CPU.
__device__ inline ULong mixed(ULong z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

KERNEL dropout(Numbers x, ULong key, unsigned threshold, float factor, Numbers y, Long n) {
    EACH(i, n) {
        ULong draw = mixed(key + ((ULong)(i >> 2) + 1) * 0x9E3779B97F4A7C15ull);
        unsigned word = (unsigned)(draw >> (16 * (i & 3))) & 0xffffu;
        y.put(i, word >= threshold ? x.at(i) * factor : 0.0f);
    }
}

KERNEL adam_step(Numbers p, Numbers g, Numbers mean, Numbers square, float beta1, float intake1, float beta2, float intake2, float eps, float l2,
                 float keep, float step, float root, Long n) {
    EACH(i, n) {
        float kept = keep * p.at(i), gradient = g.at(i) + l2 * kept;
        float m = beta1 * mean.at(i) + intake1 * gradient, v = beta2 * square.at(i) + intake2 * (gradient * gradient);
        mean.put(i, m);
        square.put(i, v);
        p.put(i, kept - step * (m / (sqrtf(v) / root + eps)));
    }
}

KERNEL clip(Numbers g, Numbers norm, double most, Long n) {
    float factor = (float)(most / ((double)norm.at(0) + 1e-6));
    if (factor >= 1.0f) return;
    EACH(i, n) g.put(i, factor * g.at(i));
}

KERNEL sgd_step(Numbers p, Numbers g, Numbers buffer, float lr, float decay, float momentum, float intake, int nesterov, Long n) {
    EACH(i, n) {
        float gradient = g.at(i) + decay * p.at(i), step = gradient;
        if (buffer.data) {
            float m = momentum * buffer.at(i) + intake * gradient;
            buffer.put(i, m);
            step = nesterov ? gradient + momentum * m : m;
        }
        p.put(i, p.at(i) - lr * step);
    }
}
