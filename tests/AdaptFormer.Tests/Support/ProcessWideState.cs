using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>Tests of what the whole process shares (the buffer pool's counts, the number of threads) run alone, one after the other.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ProcessWideState
{
    public const string Name = "process-wide state";
}
