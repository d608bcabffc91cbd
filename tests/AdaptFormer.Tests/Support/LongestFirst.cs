using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Distributed;
using AdaptFormer.Tests.Experiments;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(AdaptFormer.Tests.Support.LongestFirst))]

namespace AdaptFormer.Tests.Support;

/// <summary>Classes that take longest, because their tests wait for programs one after another, begin first: begun last, they run alone at the end.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] Long =
        [.. new[] { typeof(TerminalTests), typeof(MpiTests), typeof(KillPointTests), typeof(TrialLauncherTests) }.Select(type => type.FullName!)];

    public IReadOnlyCollection<T> OrderTestCollections<T>(IReadOnlyCollection<T> testCollections)
        where T : ITestCollection =>
        [.. testCollections.OrderBy(collection => Array.FindIndex(Long, name => collection.TestCollectionDisplayName.Contains(name, StringComparison.Ordinal)) is >= 0 and int at ? at : Long.Length)
            .ThenBy(collection => collection.TestCollectionDisplayName, StringComparer.Ordinal)];
}
