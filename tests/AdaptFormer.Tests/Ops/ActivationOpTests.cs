using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

/// <summary>The functions of one number: ReLU, GELU (erf), quick GELU, tanh and the logistic sigmoid.</summary>
public sealed class ActivationOpTests : MixedPrecisionOpTests<ActivationOpTests>, IOpTests
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> Functions = new()
    {
        ["Relu"] = x => x.Relu(),
        ["Gelu"] = x => x.Gelu(),
        ["QuickGelu"] = x => x.QuickGelu(),
        ["Tanh"] = x => x.Tanh(),
        ["Sigmoid"] = x => x.Sigmoid(),
    };

    public static IEnumerable<OpCase> Cases =>
        from function in Functions
        from shape in new int[][] { [1], [3, 17], [3, 11003] }
        select new OpCase(function.Key, [shape], (p, type) => function.Value(p[0].Cast(type)))
        {
            BFloat16 = 1e-2,
            Map = (_, x) => function.Key == "Relu" ? OpCase.AwayFromZero(x) : x,
        };

    [Theory]
    [InlineData("Relu", 0f, 0f, 0f, 0.5f, 2f)]
    [InlineData("Gelu", -0.0455003f, -0.1542688f, 0f, 0.3457312f, 1.9544997f)]
    [InlineData("QuickGelu", -0.0643416f, -0.1496112f, 0f, 0.3503888f, 1.9356584f)]
    [InlineData("Tanh", -0.9640276f, -0.4621172f, 0f, 0.4621172f, 0.9640276f)]
    [InlineData("Sigmoid", 0.1192029f, 0.3775407f, 0.5f, 0.6224593f, 0.8807971f)]
    public void Known_values_come_out(string function, params float[] expected)
    {
        using TensorScope scope = new();
        float[] y = Functions[function](Tensor.From([-2, -0.5f, 0, 0.5f, 2], new Shape(5))).ToArray();
        ParityCase.AssertClose(function, expected, y, 1e-6);
    }
}
