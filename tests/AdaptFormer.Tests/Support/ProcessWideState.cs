using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>Tests of what the whole process shares (the buffer pool's counts, the number of threads) run alone, one after the other.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ProcessWideState
{
    public const string Name = "process-wide state";

    /// <summary>Waits until what other tests left to the garbage collector is gone.</summary>
    public static void Settle()
    {
        // Twice: the first may find finalizers at work on an earlier collection's.
        for (int i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }
}
