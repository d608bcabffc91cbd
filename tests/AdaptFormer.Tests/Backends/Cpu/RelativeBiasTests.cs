using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Backends.OneDnn;
using AdaptFormer.Tests.Support;
using Xunit;
using static AdaptFormer.Tests.Backends.Cpu.KernelData;

namespace AdaptFormer.Tests.Backends.Cpu;

public sealed unsafe class RelativeBiasTests
{
    public static TheoryData<int, int, int, int> Windows => new() { { 1, 1, 1, 1 }, { 1, 2, 3, 6 }, { 1, 7, 7, 49 }, { 2, 4, 4, 32 }, { 4, 3, 5, 60 }, { 4, 3, 5, 17 }, { 3, 4, 4, 12 } };

    [Theory]
    [MemberData(nameof(Windows))]
    public void Every_pair_gets_its_entry_and_gives_back_its_gradient(int t, int h, int w, int n)
    {
        const int Heads = 3;
        TokenGrid window = new(t, h, w);
        int rows = WindowLayout.TableRowsOf(window);
        using NativeMatrix table = Random(F32, rows * Heads, 1), bias = Random(F32, n * n, 2), dBias = Random(F32, n * n, 3), dTable = Random(F32, rows * Heads, 4), before = dTable.Copy();
        for (int head = 0; head < Heads; head++)
        {
            RelativeBias.Expand((float*)table.Pointer, Heads, head, window, n, (float*)bias.Pointer);
            AssertClose(i => table[(Reference.RelativeRow(window, (int)i / n, (int)i % n) * Heads) + head], bias, 0, 0, "relative bias");
        }

        double[] expected = [.. before.ToArray().Select(x => (double)x)];
        for (int i = 0; i < n * n; i++) expected[(Reference.RelativeRow(window, i / n, i % n) * Heads) + 1] += dBias[i];
        RelativeBias.Collect((float*)dBias.Pointer, window, n, (float*)dTable.Pointer, Heads, head: 1);
        AssertClose(i => expected[i], dTable, 1e-6, 1e-5, "gradient of the table");
    }
}
