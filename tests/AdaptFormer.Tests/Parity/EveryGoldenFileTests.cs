using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Parity;

public sealed class EveryGoldenFileTests
{
    [Fact]
    public void Every_golden_file_belongs_to_a_suite_that_can_build_its_case()
    {
        string[] files = [.. Directory.GetFiles(ParityCase.Folder, "*.safetensors").Order(StringComparer.Ordinal)];
        Assert.NotEmpty(files);
        string[] orphans =
        [
            .. files.Select(path => ParityCase.Open(Path.GetFileName(path)).Config.GetProperty("case").GetString()!)
                .Where(name => !ParitySuites.All.Any(suite => name.StartsWith(suite.Prefix, StringComparison.Ordinal))),
        ];
        Assert.True(orphans.Length == 0, $"no suite builds the case {string.Join(", ", orphans)}; add the suite to {nameof(ParitySuites)}");
    }

    [Fact]
    public void Every_suite_of_the_list_has_tests()
    {
        Assert.All(ParitySuites.All, entry => Assert.Contains(entry.Suite.GetMethods(), method => method.IsDefined(typeof(FactAttribute), inherit: true)));
        Assert.Equal(ParitySuites.All.Count, ParitySuites.All.Select(entry => entry.Prefix).Distinct().Count());
    }
}
