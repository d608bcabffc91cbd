using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class LinearOpTests : MatMulOpTests<LinearOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach ((int[] x, int o) in new[] { (new[] { 1, 1 }, 1), ([3, 17], 5), ([2, 3, 64], 33), ([37, 21], 70), ([300, 9], 17) })
            {
                int i = x[^1];
                int[] y = [.. x[..^1], o];
                float shrink = 0.3f / i;
                yield return new OpCase($"xWᵀ + b, {i} to {o}", [x, [o, i], [o]], (p, type) => p[0].Linear(p[1], p[2], type)) { BFloat16 = 2e-2 };
                yield return new OpCase($"xWᵀ, {i} to {o}", [x, [o, i]], (p, type) => p[0].Cast(type).Linear(p[1])) { BFloat16 = 2e-2 };
                yield return new OpCase($"r + s(xWᵀ + b), {i} to {o}", [x, [o, i], [o], y], (p, type) => p[0].Linear(p[1], p[2], type, residual: p[3], scale: 0.3f)) { BFloat16 = 2e-2 };
                yield return new OpCase($"r + xWᵀ, {i} to {o}", [x, [o, i], y], (p, type) => p[0].Linear(p[1], compute: type, residual: p[2].Cast(type))) { BFloat16 = 2e-2 };
                yield return new OpCase($"s·xWᵀ to f32, {i} to {o}", [x, [o, i]], (p, type) => p[0].Linear(p[1], compute: type, output: DataType.Float32, scale: -2)) { BFloat16 = 2e-2 };
                yield return new OpCase($"GELU(xWᵀ + b), {i} to {o}", [x, [o, i], [o]], (p, type) => p[0].LinearGelu(p[1], p[2], type)) { BFloat16 = 2e-2 };
                yield return new OpCase($"GELU(xWᵀ), {i} to {o}", [x, [o, i]], (p, type) => p[0].LinearGelu(p[1], compute: type)) { BFloat16 = 2e-2 };

                // The weights are small and the biases are not, so that no pre-activation comes near the kink.
                yield return new OpCase($"ReLU(xWᵀ + b), {i} to {o}", [x, [o, i], [o]], (p, type) => p[0].LinearRelu(p[1], p[2], type))
                {
                    BFloat16 = 2e-2,
                    Map = (input, v) => input switch { 1 => v * shrink, 2 => v < 0 ? v - 1.5f : v + 1.5f, _ => v },
                };
            }

            yield return new OpCase("x + xWᵀ", [[9, 7], [7, 7]], (p, _) => p[0].Linear(p[1], residual: p[0]));
            yield return new OpCase("a kernel as matrix", [[4, 12], [5, 3, 2, 2]], (p, _) => p[0].Linear(p[1]));
            yield return new OpCase("ReLU(xWᵀ) of positive numbers", [[4, 12], [5, 12]], (p, type) => p[0].LinearRelu(p[1], compute: type)) { BFloat16 = 2e-2, Map = (_, v) => Math.Abs(v) + 0.1f };
        }
    }

    [Fact]
    public void Shapes_must_agree()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Zeros(8, 197, 768), w = Tensor.Zeros(64, 512), fits = Tensor.Zeros(64, 768);
        const string Message = "Linear: the last axis of x and weight [O, I] must agree; got x [8, 197, 768], weight [64, 512].";
        Assert.Equal(Message, Assert.Throws<ArgumentException>(() => x.Linear(w)).Message);
        Assert.Equal(Message, Assert.Throws<ArgumentException>(() => x.LinearGelu(w)).Message);
        Assert.Equal(Message, Assert.Throws<ArgumentException>(() => x.LinearRelu(w)).Message);
        Assert.Equal("Linear: bias [O] must have one number for each row of weight [O, I]; got weight [64, 768], bias [63].",
            Assert.Throws<ArgumentException>(() => x.Linear(fits, Tensor.Zeros(63))).Message);
        Assert.Equal("Linear: the residual must have the result's shape [8, 197, 64]; got residual [8, 197, 768].",
            Assert.Throws<ArgumentException>(() => x.Linear(fits, residual: x)).Message);
    }

    [Theory]
    [MemberData(nameof(CpuBackends.All), MemberType = typeof(CpuBackends))]
    public void A_frozen_weight_gives_the_product_of_a_trainable_one(string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using TensorScope scope = new();
        foreach ((int rows, int i, int o) in new[] { (1, 1, 1), (5, 17, 33), (40, 65, 130) })
        {
            using Parameter w = GradCheck.Uniform(new Rng(1), o, i), b = GradCheck.Uniform(new Rng(2), o);
            Tensor x = Tensor.From(GradCheck.Numbers(new Rng(3), rows * i), new Shape(rows, i));
            foreach (DataType type in new[] { DataType.Float32, DataType.BFloat16 })
            {
                w.Trainable = true;
                float[] plain = x.Linear(w, b, type, DataType.Float32).ToArray(), plainGelu = x.LinearGelu(w, b, type).ToArray();
                w.Trainable = false;
                ParityCase.AssertClose($"packed {type}", plain, x.Linear(w, b, type, DataType.Float32).ToArray(), 1e-5);
                ParityCase.AssertClose($"packed GELU {type}", plainGelu, x.LinearGelu(w, b, type).ToArray(), type == DataType.Float32 ? 1e-5 : 8e-3);
            }
        }
    }
}
