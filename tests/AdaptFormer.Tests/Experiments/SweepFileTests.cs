using AdaptFormer.Experiments;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

public sealed class SweepFileTests
{
    private static string Shipped(string name) => Path.Combine(AppContext.BaseDirectory, "recipes", "sweeps", name);

    public static TheoryData<string> Files => [.. Directory.GetFiles(Shipped(""), "*.json").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_shipped_sweep_makes_valid_recipes_and_names_its_own_command(string name)
    {
        Assert.True(SweepFile.IsSweep(Shipped(name)));
        SweepFile file = SweepFile.Load(Shipped(name));
        IReadOnlyList<PlannedRow> rows = file.Rows(Path.Combine(AppContext.BaseDirectory, "recipes", $"{file.Recipe}.json"), []);
        Assert.True(rows.Count > 1);
        Assert.Equal(rows.Count, rows.Select(row => row.Name).Distinct().Count());
        Assert.All((IEnumerable<string>?)file.Paper?.Keys ?? [], printed => Assert.Contains(rows, row => row.Name == printed));
        Assert.Contains($"adaptformer sweep sweeps/{Path.GetFileNameWithoutExtension(name)} ", File.ReadAllText(Shipped(name)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_key_is_refused()
    {
        string path = Path.Combine(Path.GetTempPath(), $"sweep-{Guid.NewGuid():N}.json");
        File.WriteAllText(path, """{ "recipe": "eurosat-adaptformer", "gird": {} }""");
        Assert.Contains("gird", Assert.Throws<RecipeException>(() => SweepFile.Load(path)).Message);
        File.Delete(path);
    }
}
