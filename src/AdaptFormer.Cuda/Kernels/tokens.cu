// Where numbers lie: copies, gathers and permutations, grids of tokens and windows of them. One result a thread and sweep.

// dst[g, dstStart + i] = (or +=) src[g, srcStart + i]; a source of one group serves all; a destination of one group takes the rows of all in order.
KERNEL copy_tokens(Numbers src, int srcGroups, Long srcRows, Long srcStart, Numbers dst, int dstGroups, Long dstRows, Long dstStart, Long size, int c,
                   int add, Long n) {
    EACH(i, n) {
        Long group = i / size, within = i % size, to = (group * dstRows + dstStart) * c + within;
        float sum = add ? dst.at(to) : 0.0f;
        int first = srcGroups == 1 ? 0 : (int)group, last = dstGroups == 1 ? srcGroups - 1 : first;
        for (int g = first; g <= last; g++) {
            float x = src.at(((Long)g * srcRows + srcStart) * c + within);
            sum = add ? sum + x : x;
        }
        dst.put(to, sum);
    }
}

KERNEL gather_tokens(Numbers x, const int* tokens, int k, Long rows, int c, Numbers y, Long n) {
    EACH(i, n) {
        Long line = i / c;
        y.put(i, x.at(((line / k) * rows + tokens[line]) * c + i % c));
    }
}

// dx += the rows of dy that go to each token: those named by order[starts[token]..starts[token + 1]), one after the other.
KERNEL scatter_tokens(Numbers dy, const int* starts, const int* order, int c, Numbers dx, Long n) {
    EACH(i, n) {
        Long line = i / c;
        float sum = dx.at(i);
        for (int k = starts[line]; k < starts[line + 1]; k++) sum += dy.at((Long)order[k] * c + i % c);
        dx.put(i, sum);
    }
}

// Axes of a result from the outermost on: its length, and how far apart its elements lie in the source.
struct Axes {
    int count;
    int lengths[9];
    Long strides[9];
};

KERNEL permute(Numbers x, Numbers y, Long n, Axes axes) {
    EACH(i, n) {
        Long rest = i, from = 0;
        for (int axis = axes.count - 1; axis >= 0; axis--) {
            from += rest % axes.lengths[axis] * axes.strides[axis];
            rest /= axes.lengths[axis];
        }
        y.put(i, x.at(from));
    }
}

// The token that tap 0..8 of a 3x3 kernel sees over a token, or -1: those of a grid within a frame; tokens ahead of the grid see themselves alone.
__device__ inline int seen(int token, int tap, int ahead, int height, int width) {
    if (token < ahead) return tap == 4 ? token : -1;
    int place = token - ahead, column = place % width, row = place / width % height, i = tap / 3 - 1, j = tap % 3 - 1;
    return row + i < 0 || row + i >= height || column + j < 0 || column + j >= width ? -1 : token + i * width + j;
}

KERNEL sum_taps(Numbers parts, int tokens, int ahead, int height, int width, int m, Numbers bias, Numbers y, Long n) {
    EACH(i, n) {
        Long line = i / m;
        int token = (int)(line % tokens);
        float sum = bias.data ? bias.at(i % m) : 0.0f;
        for (int tap = 0; tap < 9; tap++) {
            int k = seen(token, tap, ahead, height, width);
            if (k >= 0) sum += parts.at(((line - token + k) * 9 + tap) * m + i % m);
        }
        y.put(i, sum);
    }
}

// dParts[k, tap] = dy of the token from which that tap sees k.
KERNEL spread_taps(Numbers dy, int tokens, int ahead, int height, int width, int m, Numbers dparts, Long n) {
    EACH(i, n) {
        Long line = i / m / 9;
        int tap = (int)(i / m % 9), token = (int)(line % tokens), from = seen(token, 8 - tap, ahead, height, width);
        dparts.put(i, from >= 0 ? dy.at((line - token + from) * m + i % m) : 0.0f);
    }
}

KERNEL depthwise(Numbers x, int tokens, int ahead, int height, int width, int m, Numbers taps, Numbers bias, int mirrored, Numbers y, Long n) {
    EACH(i, n) {
        Long line = i / m;
        int token = (int)(line % tokens);
        float sum = bias.data ? bias.at(i % m) : 0.0f;
        for (int tap = 0; tap < 9; tap++) {
            int k = seen(token, tap, ahead, height, width);
            if (k >= 0) sum += taps.at((Long)(mirrored ? 8 - tap : tap) * m + i % m) * x.at((line - token + k) * m + i % m);
        }
        y.put(i, sum);
    }
}

// One strip of lines for each value of blockIdx.y; n = 9*m sums.
KERNEL depthwise_weight(Numbers x, int tokens, int ahead, int height, int width, int m, Numbers dy, Long lines, Long strip, Numbers partial, Long n) {
    EACH(i, n) {
        Long from = (Long)blockIdx.y * strip, to = from + strip < lines ? from + strip : lines;
        float sum = 0;
        for (Long line = from; line < to; line++) {
            int token = (int)(line % tokens), k = seen(token, (int)(i / m), ahead, height, width);
            if (k >= 0) sum += dy.at(line * m + i % m) * x.at((line - token + k) * m + i % m);
        }
        partial.put((Long)blockIdx.y * n + i, sum);
    }
}

// Merging: part k of a merged token is row k & 1, column k >> 1 of its 2x2 neighbourhood; zeros where the grid ends. Splitting is its inverse.
KERNEL merge_patches(Numbers x, int tokens, int height, int width, int c, Numbers y, Long n) {
    int mergedWidth = (width + 1) / 2, mergedHeight = (height + 1) / 2, merged = tokens / (height * width) * mergedHeight * mergedWidth;
    EACH(i, n) {
        Long line = i / c, place = line / 4 % merged, image = line / 4 / merged;
        int part = (int)(line % 4);
        Long column = 2 * (place % mergedWidth) + (part >> 1), row = 2 * (place / mergedWidth % mergedHeight) + (part & 1);
        Long frame = place / mergedWidth / mergedHeight;
        y.put(i, row < height && column < width ? x.at((image * tokens + (frame * height + row) * width + column) * c + i % c) : 0.0f);
    }
}

KERNEL split_patches(Numbers dy, int tokens, int height, int width, int c, Numbers dx, Long n) {
    int mergedWidth = (width + 1) / 2, mergedHeight = (height + 1) / 2, merged = tokens / (height * width) * mergedHeight * mergedWidth;
    EACH(i, n) {
        Long line = i / c, image = line / tokens, token = line % tokens, column = token % width, row = token / width % height;
        Long frame = token / width / height, place = (frame * mergedHeight + row / 2) * mergedWidth + column / 2;
        dx.put(i, dy.at(((image * merged + place) * 4 + (row & 1) + 2 * (column & 1)) * c + i % c));
    }
}

// Rows of windows: token tokens[i] of each sample, or the padding's numbers, or zeros.
KERNEL into_windows(Numbers x, Long rows, const int* tokens, int count, Numbers padding, int c, Numbers y, Long n) {
    EACH(i, n) {
        Long line = i / c, sample = line / count;
        int token = tokens[line % count];
        y.put(i, token >= 0 ? x.at((sample * rows + token) * c + i % c) : padding.data ? padding.at(i % c) : 0.0f);
    }
}

// bias[head, pair] = table[rows[pair], head].
KERNEL relative_bias(Numbers table, const int* rows, int pairs, int heads, Numbers bias, Long n) {
    EACH(i, n) bias.put(i, table.at((Long)rows[i % pairs] * heads + i / pairs));
}

// table[row, head] += the sum of dbias over the pairs of that row, in their order.
KERNEL relative_bias_backward(Numbers dbias, const int* starts, const int* order, int pairs, int heads, Numbers dtable, Long n) {
    EACH(i, n) {
        Long row = i / heads, head = i % heads;
        float sum = dtable.at(i);
        for (int k = starts[row]; k < starts[row + 1]; k++) sum += dbias.at(head * pairs + order[k]);
        dtable.put(i, sum);
    }
}
