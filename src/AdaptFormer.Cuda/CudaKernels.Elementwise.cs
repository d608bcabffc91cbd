using AdaptFormer.Cuda.Memory;
using AdaptFormer.Tensors;
using static AdaptFormer.Cuda.KernelNames;

namespace AdaptFormer.Cuda;

internal sealed unsafe partial class CudaKernels
{
    private const int MostBlocks = 256;

    // Kinds of sums and of their ends, in the order of reductions.cu.
    private const int OfProducts = 0, OfNumbers = 1, OfSquares = 2, OfInfinite = 3, Scaled = 0, Root = 1, IsZero = 2;

    public override void Fill(Tensor y, float value)
    {
        if (BitConverter.SingleToInt32Bits(value) == 0)
        {
            _context.Enter();
            _context.Driver.Check(_context.Driver.FillBytes(Argument.Address(y), 0, (nuint)y.Bytes, _context.Compute), "cuMemsetD8Async");
        }
        else Each(KernelNames.Fill, y.Length, y, value, y.Length);
    }

    public override void Copy(Tensor x, Tensor y)
    {
        // A weight that is not on the card yet need not stay there for the sake of its bf16 copy.
        if (x.Type != y.Type && x.Storage is CudaStorage { IsLater: true } later && x.Bytes == later.Bytes)
        {
            using Tensor once = Temporary(x.Shape);
            later.FillAt(Argument.Address(once));
            Each(KernelNames.Copy, y.Length, once, y, y.Length);
            return;
        }

        (nint from, nint to) = (Argument.Address(x), Argument.Address(y));
        if (x.Type != y.Type) Each(KernelNames.Copy, y.Length, x, y, y.Length);
        else if (from != to)
        {
            _context.Enter();
            _context.Driver.Check(_context.Driver.CopyWithin(to, from, (nuint)y.Bytes, _context.Compute), "cuMemcpyDtoDAsync");
        }
    }

    public override void Add(Tensor a, Tensor b, Tensor y) => Each(KernelNames.Add, y.Length, a, b, y, y.Length);

    public override void AddInto(Tensor y, Tensor x, float scale) => Each(KernelNames.AddInto, y.Length, y, x, scale, y.Length);

    public override void Scale(Tensor x, float factor, Tensor y) => Each(KernelNames.Scale, y.Length, x, factor, y, y.Length);

    public override void ScaleBy(Tensor x, Tensor s, float factor, Tensor y) =>
        Each(KernelNames.ScaleBy, y.Length, x, s, factor, y, y.Length);

    public override void ScaleSlices(Tensor x, Tensor factors, Tensor y) =>
        Each(KernelNames.ScaleSlices, y.Length, x, factors, x.Length / factors.Length, y, y.Length);

    public override void ScaleFeatures(Tensor x, Tensor gamma, Tensor? beta, Tensor y) =>
        Each(KernelNames.ScaleFeatures, y.Length, x, gamma, beta, (int)gamma.Length, y, y.Length);

    public override void Multiply(Tensor a, Tensor b, Tensor y) => Each(KernelNames.Multiply, y.Length, a, b, y, y.Length);

    public override void AddBroadcast(Tensor x, Tensor p, Tensor y) =>
        Each(KernelNames.AddBroadcast, y.Length, x, p, p.Length, y, y.Length);

    public override void Lerp(Tensor y, Tensor x, float share) => Each(KernelNames.Lerp, y.Length, y, x, share, y.Length);

    public override void InverseRoot(Tensor x, float eps, Tensor y) => Each(KernelNames.InverseRoot, y.Length, x, eps, y, y.Length);

    public override void Dot(Tensor a, Tensor b, float factor, Tensor y) => Reduce(OfProducts, a, b, Scaled, factor, y);

    public override void Sum(Tensor x, float factor, Tensor y) => Reduce(OfNumbers, x, null, Scaled, factor, y);

    public override void Norm(Tensor x, Tensor y) => Reduce(OfSquares, x, null, Root, 1, y);

    public override void AllFinite(Tensor x, Tensor y) => Reduce(OfInfinite, x, null, IsZero, 1, y);

    public override void Activate(ActivationKind kind, Tensor x, Tensor y) =>
        Each(KernelNames.Activate, y.Length, (int)kind, x, y, y.Length);

    public override void ActivateBackward(ActivationKind kind, Tensor kept, Tensor dy, Tensor dx) =>
        Each(KernelNames.ActivateBackward, dx.Length, (int)kind, kept, dy, dx, dx.Length);

    public override void Dropout(Tensor x, ulong key, float rate, Tensor y) =>
        Each(KernelNames.Dropout, y.Length, x, key, (uint)Math.Round(rate * (1 << 16)), 1 / (1 - rate), y, y.Length);

    public override void AdamStep(Tensor p, Tensor g, Tensor mean, Tensor square, AdamSettings s) => Each(KernelNames.AdamStep, p.Length,
        p, g, mean, square, s.Beta1, s.Intake1, s.Beta2, s.Intake2, s.Eps, s.L2, s.Keep, s.Step, s.Root, p.Length);

    public override void SgdStep(Tensor p, Tensor g, Tensor? buffer, SgdSettings s) => Each(KernelNames.SgdStep, p.Length,
        p, g, buffer, s.Lr, s.Decay, s.Momentum, s.Intake, s.Nesterov, p.Length);

    public override void Clip(Tensor g, Tensor norm, double most) => Each(KernelNames.Clip, g.Length, g, norm, most, g.Length);

    /// <summary>Blocks leave their parts in double, which one more block adds in order.</summary>
    private void Reduce(int kind, Tensor a, Tensor? b, int end, float factor, Tensor y)
    {
        int blocks = (int)Math.Clamp((a.Length + PerBlock - 1) / PerBlock, 1, MostBlocks);
        using Tensor partial = Temporary(new Shape(2 * blocks));
        _context.Launch(KernelNames.Reduce, blocks, 1, [kind, a, b, a.Length, Argument.Pointer(partial)]);
        _context.Launch(ReduceEnd, 1, 1, [end, Argument.Pointer(partial), blocks, factor, y]);
    }
}
