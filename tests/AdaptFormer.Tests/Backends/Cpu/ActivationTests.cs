using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Backends.OneDnn;
using AdaptFormer.Tests.Support;
using Xunit;
using static AdaptFormer.Tests.Backends.Cpu.KernelData;

namespace AdaptFormer.Tests.Backends.Cpu;

public sealed class ActivationTests
{
    private delegate void ForwardKernel(nint x, DataType xt, nint y, DataType yt, long n);

    private delegate void BackwardKernel(nint x, DataType xt, nint dy, DataType dyt, nint dx, DataType dxt, long n);

    public static TheoryData<string> Names => ["relu", "gelu", "quick_gelu", "tanh", "sigmoid"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_equals_the_reference_at_all_lengths_and_types(string name)
    {
        (ForwardKernel kernel, Func<double, double> reference, double relative, double absolute) = Forward(name);
        foreach (DataType xt in Types)
            foreach (DataType yt in Types)
                foreach (int n in Lengths)
                {
                    using NativeMatrix x = Random(xt, n, n, scale: 3), y = new(yt, n);
                    kernel(x.Pointer, xt, y.Pointer, yt, n);
                    AssertClose(i => reference(x[i]), y, relative, absolute, $"{name} {xt} to {yt}");
                }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Backward_equals_the_reference_at_all_lengths_and_types(string name)
    {
        (BackwardKernel kernel, Func<double, double> slope, double relative, double absolute) = Backward(name);
        foreach (DataType xt in Types)
            foreach (DataType dyt in Types)
                foreach (DataType dxt in Types)
                    foreach (int n in Lengths.Where(n => n < 4096))
                    {
                        using NativeMatrix x = Random(xt, n, n), dy = Random(dyt, n, n + 1), dx = new(dxt, n);
                        kernel(x.Pointer, xt, dy.Pointer, dyt, dx.Pointer, dxt, n);
                        AssertClose(i => slope(x[i]) * dy[i], dx, relative, absolute, $"{name} backward {xt}, {dyt} to {dxt}");
                    }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_error_bound_holds_over_the_whole_range(string name)
    {
        (ForwardKernel kernel, Func<double, double> reference, double relative, double absolute) = Forward(name);
        using NativeMatrix x = new(F32, 10_000), y = new(F32, 10_000);
        for (int i = 0; i < x.Count; i++) x[i] = (i - 5_000) * 0.0034f * (i % 3 == 0 ? 1e-3f : 1);    // ±17, a third of it ±0.017
        kernel(x.Pointer, F32, y.Pointer, F32, x.Count);
        AssertClose(i => reference(x[i]), y, relative, absolute, name);

        (BackwardKernel backward, Func<double, double> slope, relative, absolute) = Backward(name);
        using NativeMatrix one = new(F32, x.Count), dx = new(F32, x.Count);
        for (int i = 0; i < x.Count; i++) one[i] = 1;
        backward(x.Pointer, F32, one.Pointer, F32, dx.Pointer, F32, x.Count);
        AssertClose(i => slope(x[i]), dx, relative, absolute * Math.Max(1, name is "tanh" or "sigmoid" ? 300 : 1), $"{name} backward");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Infinity_gives_the_limit_and_NaN_stays_NaN(string name)
    {
        (ForwardKernel kernel, Func<double, double> reference, _, _) = Forward(name);
        float[] special = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1e30f, -1e30f, 0, 1e-40f];
        foreach (int n in new[] { special.Length, special.Length * 8 })    // in the tail, and in whole vectors
        {
            using NativeMatrix x = new(F32, n), y = new(F32, n);
            for (int i = 0; i < n; i++) x[i] = special[i % special.Length];
            kernel(x.Pointer, F32, y.Pointer, F32, n);
            AssertClose(i => reference(x[i]), y, 1e-6, 1e-30, name);
        }

        (BackwardKernel backward, Func<double, double> slope, _, _) = Backward(name);
        if (name != "gelu") return;
        using NativeMatrix xs = new(F32, special.Length), dy = new(F32, special.Length), dx = new(F32, special.Length);
        for (int i = 0; i < special.Length; i++) (xs[i], dy[i]) = (special[i], 2);
        backward(xs.Pointer, F32, dy.Pointer, F32, dx.Pointer, F32, special.Length);
        AssertClose(i => 2 * slope(xs[i]), dx, 1e-6, 1e-30, "gelu backward");
    }

    [Fact]
    public void The_far_tail_of_GELU_stays_out_of_the_denormal_numbers()
    {
        using NativeMatrix x = new(F32, 1000), y = new(F32, 1000);
        for (int i = 0; i < 1000; i++) x[i] = -0.05f * i;
        Activation.Gelu(x.Pointer, F32, y.Pointer, F32, 1000);
        for (int i = 0; i < 1000; i++) Assert.False(float.IsSubnormal(y[i]));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_output_may_be_the_input(string name)
    {
        (ForwardKernel kernel, _, _, _) = Forward(name);
        (BackwardKernel backward, _, _, _) = Backward(name);
        foreach (DataType type in Types)
        {
            using NativeMatrix x = Random(type, 77, 1), y = new(type, 77), dy = Random(type, 77, 2), dx = new(type, 77);
            kernel(x.Pointer, type, y.Pointer, type, 77);
            backward(x.Pointer, type, dy.Pointer, type, dx.Pointer, type, 77);
            backward(x.Pointer, type, dy.Pointer, type, dy.Pointer, type, 77);
            kernel(x.Pointer, type, x.Pointer, type, 77);
            Assert.Equal(y.Bytes(), x.Bytes());
            Assert.Equal(dx.Bytes(), dy.Bytes());
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_cut_anywhere_gives_the_same_bits(string name)
    {
        (ForwardKernel kernel, _, _, _) = Forward(name);
        using NativeMatrix x = Random(F32, 100, 1), whole = new(F32, 100), parts = new(F32, 100);
        kernel(x.Pointer, F32, whole.Pointer, F32, 100);
        foreach (int cut in new[] { 1, 13, 50, 99 })
        {
            kernel(x.Pointer, F32, parts.Pointer, F32, cut);
            kernel(x.Pointer + (4 * cut), F32, parts.Pointer + (4 * cut), F32, 100 - cut);
            Assert.Equal(whole.Bytes(), parts.Bytes());
        }
    }

    private static (ForwardKernel Kernel, Func<double, double> Reference, double Relative, double Absolute) Forward(string name) => name switch
    {
        "relu" => (Activation.Relu, Reference.Relu, 0, 0),
        "gelu" => (Activation.Gelu, Reference.Gelu, 1e-7, 1e-7),
        "quick_gelu" => (Activation.QuickGelu, Reference.QuickGelu, 1e-6, 1e-7),
        "tanh" => (Activation.Tanh, Reference.Tanh, 3e-7, 0),
        _ => (Activation.Sigmoid, Reference.Sigmoid, 4e-7, 0),
    };

    // tanh and sigmoid lose relative accuracy in 1 − y², as the equation does in single precision: y² is rounded.
    private static (BackwardKernel Kernel, Func<double, double> Slope, double Relative, double Absolute) Backward(string name) => name switch
    {
        "relu" => (Activation.ReluBackward, Reference.ReluSlope, 0, 0),
        "gelu" => (Activation.GeluBackward, Reference.GeluSlope, 1e-7, 1e-6),
        "quick_gelu" => (Activation.QuickGeluBackward, Reference.QuickGeluSlope, 1e-6, 1e-6),
        "tanh" => (Activation.TanhBackward, Reference.TanhSlope, 3e-7, 1e-6),
        _ => (Activation.SigmoidBackward, Reference.SigmoidSlope, 3e-7, 1e-6),
    };
}
