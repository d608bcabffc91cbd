using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    public override void Attention(Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor y)
    {
        HeadShape s = new(qkv, heads, queries: y.Shape[1], y.Type);
        CpuParallel.For(s.Batch * heads, (item, worker) =>
        {
            (int b, int h) = Math.DivRem(item, heads);
            float* scores = (float*)worker.Workspace(s.WorkspaceBytes);
            nint probabilities = Probabilities(worker, s, qkv, b, h, scale, bias, mask, scores);
            _matmul.Plan(s.TimesValues).Run(worker, probabilities, At(qkv, s.Value(b, h)), 0, At(y, s.Output(b, h)));
        });
    }

    public override void AttentionProbabilities(Tensor qkv, int heads, float scale, Tensor p)
    {
        HeadShape s = new(qkv, heads, queries: qkv.Shape[1], qkv.Type);
        CpuParallel.For(s.Batch * heads, (item, worker) =>
        {
            (int b, int h) = Math.DivRem(item, heads);
            nint rows = Probabilities(worker, s, qkv, b, h, scale, null, null, (float*)worker.Workspace(s.WorkspaceBytes));
            Unpad(rows, s.Type, s.Ld, s.Tokens, p.Floats + ((long)item * s.Tokens * s.Tokens));
        });
    }

    public override void AttentionBackward(
        Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor dy, Tensor dqkv, Tensor? dBias)
    {
        HeadShape s = new(qkv, heads, queries: dy.Shape[1], dqkv.Type);
        if (s.Queries < s.Tokens) Fill(dqkv, 0);      // tokens that asked nothing have no gradient as queries
        if (dBias is null)
        {
            CpuParallel.For(s.Batch * heads, (item, worker) => Head(item / heads, item % heads, worker));
            return;
        }

        // The bias is shared by all images: one worker owns a head and adds its images in order.
        CpuParallel.For(heads, (h, worker) =>
        {
            for (int b = 0; b < s.Batch; b++) Head(b, h, worker);
        });

        void Head(int b, int h, Worker worker)
        {
            float* scores = (float*)worker.Workspace(s.WorkspaceBytes);
            float* dScores = scores + s.ScoreFloats;
            nint p = Probabilities(worker, s, qkv, b, h, scale, bias, mask, scores);
            nint output = At(dy, s.Output(b, h));
            nint ds = s.Type == DataType.Float32 ? (nint)dScores : (nint)(dScores + s.ScoreFloats);

            _matmul.Plan(s.OutputTimesValues).Run(worker, output, At(qkv, s.Value(b, h)), 0, (nint)dScores);                // dP = dO·Vᵀ
            _matmul.Plan(s.TransposedTimesOutput).Run(worker, p, output, 0, At(dqkv, s.Value(b, h)));     // dV = Pᵀ·dO
            if (dBias is null)
            {
                SoftmaxKernel.Backward(p, s.Type, s.Ld, dScores, s.Ld, s.Queries, s.Tokens, scale, ds, s.Type, s.Ld);
            }
            else
            {
                SoftmaxKernel.Backward(p, s.Type, s.Ld, dScores, s.Ld, s.Queries, s.Tokens, 1, (nint)dScores, DataType.Float32, s.Ld);
                for (int i = 0; i < s.Queries; i++)
                {
                    nint row = (nint)(dScores + ((long)i * s.Ld));
                    Elementwise.AddInto(dBias.Floats + ((((long)h * s.Tokens) + i) * s.Tokens), row, DataType.Float32, 1, s.Tokens);
                    Elementwise.Scale(row, DataType.Float32, scale, ds + (nint)((long)i * s.Ld * s.Type.Size()), s.Type, s.Tokens);
                }
            }

            _matmul.Plan(s.ScoresTimesKeys).Run(worker, ds, At(qkv, s.Key(b, h)), 0, At(dqkv, s.Query(b, h)));               // dQ = dS·K
            _matmul.Plan(s.TransposedTimesQueries).Run(worker, ds, At(qkv, s.Query(b, h)), 0, At(dqkv, s.Key(b, h)));     // dK = dSᵀ·Q
        }
    }

    /// <summary>
    /// P = softmax(scale·Q·Kᵀ + bias + mask) of one head, in the type of the activations; f32 ones lie where the scores were.
    /// </summary>
    private nint Probabilities(
        Worker worker, in HeadShape s, Tensor qkv, int b, int h, float scale, Tensor? bias, Tensor? mask, float* scores)
    {
        _matmul.Plan(s.QueriesTimesKeys).Run(worker, At(qkv, s.Query(b, h)), At(qkv, s.Key(b, h)), 0, (nint)scores);
        long square = (long)s.Tokens * s.Tokens;
        float* offset = bias is null ? null : bias.Floats + (h * square);
        if (mask is not null)
        {
            float* window = mask.Floats + (b % mask.Shape[0] * square);
            float* sum = scores + (3 * s.ScoreFloats);
            if (offset is null) offset = window;
            else
            {
                Elementwise.Add(offset, window, sum, square);
                offset = sum;
            }
        }

        nint p = s.Type == DataType.Float32 ? (nint)scores : (nint)(scores + (s.ScoreFloats * 5 / 2));
        SoftmaxKernel.Forward(scores, s.Ld, s.Queries, s.Tokens, scale, offset, s.Tokens, p, s.Type, s.Ld);
        return p;
    }

    /// <summary>y [n, n], f32 = x, whose rows are <paramref name="ld"/> apart.</summary>
    private static void Unpad(nint x, DataType type, int ld, int n, float* y)
    {
        for (int i = 0; i < n; i++)
            Converter.Copy(x + (nint)((long)i * ld * type.Size()), type, (nint)(y + ((long)i * n)), DataType.Float32, n);
    }

    /// <summary>Where one head's rows lie in qkv [B, N, 3·h·D] and in the output [B, N, h·D], and its products.</summary>
    private readonly struct HeadShape
    {
        private readonly int _width, _headDim;

        public HeadShape(Tensor qkv, int heads, int queries, DataType outputType)
        {
            (Batch, Tokens, Queries, _width, Type) = (qkv.Shape[0], qkv.Shape[1], queries, qkv.Shape[2] / 3, qkv.Type);
            _headDim = _width / heads;
            Ld = (Tokens + 15) / 16 * 16;
            ScoreFloats = (long)Tokens * Ld;
            Operand rows = new(Type, 3 * _width, 1), columns = new(Type, 1, 3 * _width), scores = new(DataType.Float32, Ld, 1);
            Operand p = new(Type, Ld, 1), pT = new(Type, 1, Ld), output = new(outputType, _width, 1), dOutput = new(Type, _width, 1);
            Operand gradient = new(outputType, 3 * _width, 1);
            QueriesTimesKeys = new MatMulKey(1, queries, Tokens, _headDim, rows, columns, scores);
            TimesValues = new MatMulKey(1, queries, _headDim, Tokens, p, rows, output);
            OutputTimesValues = new MatMulKey(1, queries, Tokens, _headDim, dOutput, columns, scores);
            TransposedTimesOutput = new MatMulKey(1, Tokens, _headDim, queries, pT, dOutput, gradient);
            ScoresTimesKeys = new MatMulKey(1, queries, _headDim, Tokens, p, rows, gradient);
            TransposedTimesQueries = new MatMulKey(1, Tokens, _headDim, queries, pT, rows, gradient);
        }

        public int Batch { get; }

        public int Tokens { get; }

        /// <summary>Tokens that ask: the first ones.</summary>
        public int Queries { get; }

        public DataType Type { get; }

        /// <summary>Floats from one row of scores to the next: whole cache lines.</summary>
        public int Ld { get; }

        public long ScoreFloats { get; }

        /// <summary>Scores, their gradient, both again in bf16, and one bias: 4 squares of f32.</summary>
        public nuint WorkspaceBytes => (nuint)(4 * ScoreFloats * sizeof(float));

        public MatMulKey QueriesTimesKeys { get; }

        public MatMulKey TimesValues { get; }

        public MatMulKey OutputTimesValues { get; }

        public MatMulKey TransposedTimesOutput { get; }

        public MatMulKey ScoresTimesKeys { get; }

        public MatMulKey TransposedTimesQueries { get; }

        public long Query(int b, int h) => ((long)b * Tokens * 3 * _width) + ((long)h * _headDim);

        public long Key(int b, int h) => Query(b, h) + _width;

        public long Value(int b, int h) => Query(b, h) + (2 * _width);

        public long Output(int b, int h) => ((long)b * Queries * _width) + ((long)h * _headDim);
    }
}
