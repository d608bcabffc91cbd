using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Backends.Cpu;

[Collection(ProcessWideState.Name)]
public sealed class CpuParallelTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(16)]      // more workers than cores: some get a core only when all is done
    public void Every_item_runs_exactly_once_and_before_the_call_returns(int threads)
    {
        int before = CpuParallel.Threads;
        CpuParallel.Threads = threads;
        try
        {
            for (int round = 0; round < 2_000; round++)
            {
                int[] runs = new int[1 + (round % 37)];
                CpuParallel.For(runs.Length, (i, _) => Interlocked.Increment(ref runs[i]));
                Assert.All(runs, count => Assert.Equal(1, count));
            }
        }
        finally
        {
            CpuParallel.Threads = before;
        }
    }

    [Fact]
    public void A_helper_that_sleeps_in_an_item_is_waited_for()
    {
        int before = CpuParallel.Threads;
        CpuParallel.Threads = 4;
        try
        {
            for (int round = 0; round < 20; round++)
            {
                int done = 0;
                CpuParallel.For(4, (_, _) =>
                {
                    Thread.Sleep(10);      // far longer than the caller spins
                    Interlocked.Increment(ref done);
                });
                Assert.Equal(4, done);
            }
        }
        finally
        {
            CpuParallel.Threads = before;
        }
    }

    [Fact]
    public void An_error_in_an_item_reaches_the_caller_and_the_next_call_works()
    {
        Assert.Throws<InvalidOperationException>(() => CpuParallel.For(8, (i, _) => throw new InvalidOperationException($"{i}")));
        int done = 0;
        CpuParallel.For(8, (_, _) => Interlocked.Increment(ref done));
        Assert.Equal(8, done);
    }
}
