using AdaptFormer.Models;
using AdaptFormer.Models.Swin;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Parity;

/// <summary>Every golden file of a Swin or Video Swin.</summary>
public sealed class SwinParityTests : ModelParityTests<SwinParityTests>, IModelParity
{
    public static string[] Suites => ParitySuites.Swins;

    public static Backbone Build(ParityCase golden, DataType compute) => SwinCase.Build(golden, compute);

    public static float[]? Arranged(ParityCase golden, string name, Tensor value) => SwinCase.Arranged(golden, name, value);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Masks_and_indices_equal_the_originals(string file, string backend)
    {
        if (backend != CpuBackends.Managed) return;
        ParityCase golden = ParityCase.Open(file);
        SwinSizes config = SwinCase.Config(golden);
        TokenGrid[] grids = [.. config.Grids()];
        foreach (string name in golden.Names.Where(name => name.EndsWith("attn_mask", StringComparison.Ordinal)))
        {
            int stage = int.Parse(name.Split('.')[1]);
            WindowLayout windows = config.Windows(grids[stage], shifted: true);
            int square = windows.Window.Count * windows.Window.Count;
            float[] ours = [.. Enumerable.Range(0, windows.Counts.Count).SelectMany(window => windows.MaskOfWindow(window) ?? new float[square])];
            Assert.Equal(golden.Floats(name), ours);
        }

        foreach (string name in golden.Names.Where(name => name.EndsWith("relative_position_index", StringComparison.Ordinal)))
        {
            TokenGrid window = config.Windows(grids[int.Parse(name.Split('.')[1])], shifted: false).BiasWindow;
            int n = golden.Shape(name)[0];
            Assert.Equal(golden.Ints(name), Enumerable.Range(0, n * n).Select(pair => Reference.RelativeRow(window, pair / n, pair % n)));
        }
    }
}
