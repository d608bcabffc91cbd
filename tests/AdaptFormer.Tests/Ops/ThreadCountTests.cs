using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

/// <summary>Results do not depend on the number of threads, to the bit.</summary>
[Collection(ProcessWideState.Name)]
public sealed class ThreadCountTests
{
    private static IEnumerable<OpCase> EveryCase =>
        from tests in typeof(IOpTests).Assembly.GetTypes()
        where !tests.IsAbstract && typeof(IOpTests).IsAssignableFrom(tests)
        from op in (IEnumerable<OpCase>)tests.GetProperty(nameof(IOpTests.Cases))!.GetValue(null)!
        select op;

    [Theory]
    [MemberData(nameof(CpuBackends.All), MemberType = typeof(CpuBackends))]
    public void One_two_and_three_threads_give_the_same_bits(string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        int threads = CpuParallel.Threads;
        try
        {
            foreach (OpCase op in EveryCase)
            {
                foreach (DataType type in op.BFloat16 is null ? new[] { DataType.Float32 } : [DataType.Float32, DataType.BFloat16])
                {
                    CpuParallel.Threads = 1;
                    (float[] result, float[][] gradients) = op.Evaluate(type);
                    foreach (int several in new[] { 2, 3 })
                    {
                        CpuParallel.Threads = several;
                        (float[] again, float[][] gradientsAgain) = op.Evaluate(type);
                        Assert.True(result.AsSpan().SequenceEqual(again), $"{op.Name}, {type}: {several} threads give another result than one");
                        for (int i = 0; i < gradients.Length; i++)
                            Assert.True(gradients[i].AsSpan().SequenceEqual(gradientsAgain[i]), $"{op.Name}, {type}: {several} threads give another gradient {i} than one");
                    }
                }
            }
        }
        finally
        {
            CpuParallel.Threads = threads;
        }
    }
}
