using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class WindowAttentionOpTests : MatMulOpTests<WindowAttentionOpTests>, IOpTests
{
    public static IEnumerable<(string Name, WindowLayout Windows)> Layouts =>
    [
        ("whole", new(new(1, 3, 3), new(1, 3, 3), default)),
        ("cut", new(new(1, 4, 6), new(1, 2, 2), default)),
        ("shifted", new(new(1, 6, 6), new(1, 3, 3), new(0, 1, 1))),
        ("padded", new(new(1, 5, 7), new(1, 4, 4), default)),
        ("padded and shifted", new(new(1, 5, 7), new(1, 4, 4), new(0, 2, 2))),
        ("window 7", new(new(1, 14, 7), new(1, 7, 7), new(0, 3, 0))),
        ("clip", new(new(4, 4, 6), new(2, 2, 3), new(1, 1, 1))),
        ("clip, padded", new(new(3, 5, 4), new(2, 3, 4), new(1, 1, 0))),
        ("clip, clamped in time", new(new(2, 4, 4), new(2, 2, 2), new(0, 1, 1), new(3, 2, 2))),
        ("clip, clamped everywhere", new(new(2, 2, 3), new(2, 2, 3), default, new(3, 4, 4))),
    ];

    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach ((string name, WindowLayout windows) in Layouts)
            {
                foreach ((int b, int h, int d) in new[] { (1, 2, 8), (3, 3, 5) })
                {
                    int[] qkv = [b, windows.Size.Count, 3 * h * d], table = [windows.TableRows, h], padding = [3 * h * d];
                    string size = $"{name}, {b}x{h} heads of {d}";
                    yield return windows.Pads
                        ? new OpCase(size, [qkv, table, padding], (p, type) => p[0].Cast(type).WindowAttention(h, windows, p[1], p[2].Cast(type))) { BFloat16 = 3e-2 }
                        : new OpCase(size, [qkv, table], (p, type) => p[0].Cast(type).WindowAttention(h, windows, p[1])) { BFloat16 = 3e-2 };
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(CpuBackends.All), MemberType = typeof(CpuBackends))]
    public void Results_equal_the_plain_loops(string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        foreach ((string name, WindowLayout windows) in Layouts)
        {
            const int H = 3, C = 12;
            using TensorScope scope = new();
            int n = windows.Size.Count;
            float[] qkv = GradCheck.Numbers(new Rng(4), 2 * n * 3 * C), table = GradCheck.Numbers(new Rng(5), windows.TableRows * H), padding = GradCheck.Numbers(new Rng(6), 3 * C);
            double[] expected = new double[2 * n * C];
            for (int b = 0; b < 2; b++) Reference.WindowAttention(qkv.AsSpan(b * n * 3 * C, n * 3 * C), H, 0.5, windows, table, padding, expected.AsSpan(b * n * C, n * C));
            Tensor y = Tensor.From(qkv, new Shape(2, n, 3 * C)).WindowAttention(H, windows, Tensor.From(table, new Shape(windows.TableRows, H)), Tensor.From(padding, new Shape(3 * C)), 0.5f);
            ParityCase.AssertClose(name, expected, [.. y.ToArray().Select(v => (double)v)], 1e-5);
        }
    }

    [Fact]
    public void A_frozen_table_keeps_queries_keys_and_values_alone()
    {
        using TensorScope scope = new();
        using Tape tape = new(new Rng(0));
        using Parameter qkv = GradCheck.Uniform(new Rng(1), 2, 16, 24), table = GradCheck.Uniform(new Rng(2), 9, 2);
        qkv.Trainable = true;
        Tensor x = tape.Watch(qkv).Scale(2);
        long before = tape.KeptBytes;
        x.WindowAttention(2, new WindowLayout(new(1, 4, 4), new(1, 2, 2), new(0, 1, 1)), table);
        Assert.Equal(2 * 16 * 24 * sizeof(float), tape.KeptBytes - before);
    }

    [Fact]
    public void Shapes_must_agree()
    {
        using TensorScope scope = new();
        WindowLayout windows = new(new(1, 3, 4), new(1, 2, 2), default);
        Assert.Equal("WindowAttention: qkv must be [B, 3x4, 3·C] with C a multiple of 2 heads; got qkv [1, 11, 12].",
            Assert.Throws<ArgumentException>(() => Tensor.Zeros(1, 11, 12).WindowAttention(2, windows, Tensor.Zeros(9, 2))).Message);
        Assert.Equal("WindowAttention: table must be [9, 2] for windows of 2x2; got table [9, 3].",
            Assert.Throws<ArgumentException>(() => Tensor.Zeros(1, 12, 12).WindowAttention(2, windows, Tensor.Zeros(9, 3))).Message);
        Assert.Equal("WindowAttention: padding must have 3·C numbers; got qkv [1, 12, 12], padding [4].",
            Assert.Throws<ArgumentException>(() => Tensor.Zeros(1, 12, 12).WindowAttention(2, windows, Tensor.Zeros(9, 2), Tensor.Zeros(4))).Message);
        Assert.Equal("WindowLayout: a grid of 3x4 cannot be cut into windows of 2x2 with shift 2x0 and positions of 2x2.",
            Assert.Throws<ArgumentException>(() => new WindowLayout(new(1, 3, 4), new(1, 2, 2), new(1, 2, 0))).Message.Replace("1x2x0", "2x0"));
    }
}
