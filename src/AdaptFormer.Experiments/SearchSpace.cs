using AdaptFormer.Tensors;

namespace AdaptFormer.Experiments;

/// <summary>The values that a grid gives to one key.</summary>
/// <param name="Key">The recipe key.</param>
/// <param name="Values">Its values, at least one.</param>
public sealed record GridAxis(string Key, IReadOnlyList<string> Values)
{
    /// <summary>Reads <c>tuning.bottleneck=1,4,16</c>. Commas inside brackets or quotes do not separate:
    /// <c>tuning.layers="1,3",all</c>.</summary>
    /// <exception cref="ArgumentException">It is not of that form.</exception>
    public static GridAxis Parse(string text)
    {
        Setting setting = Setting.Parse(text, "--grid");
        List<string> values = ValueList.Split(setting.Value);
        return values.All(value => value.Length > 0)
            ? new GridAxis(setting.Key, values)
            : throw new ArgumentException(
                $"--grid {text} has an empty value; give values with one comma between them, for example tuning.bottleneck=1,4,16.");
    }
}

/// <summary>How a random search draws one key.</summary>
/// <param name="Key">The recipe key.</param>
/// <param name="Distribution">What its values are drawn from.</param>
public sealed record RandomAxis(string Key, Distribution Distribution)
{
    /// <summary>Reads <c>optimizer.lr=loguniform(0.001,0.1)</c>.</summary>
    /// <exception cref="ArgumentException">It is not of that form.</exception>
    public static RandomAxis Parse(string text)
    {
        Setting setting = Setting.Parse(text, "--random");
        return new RandomAxis(setting.Key, Distribution.Parse(setting.Value, $"--random {setting.Key}"));
    }
}

/// <summary>All combinations that a sweep tries.</summary>
/// <param name="Grid">Keys whose values are all tried, each with each; the first varies slowest.</param>
/// <param name="Random">Keys that are drawn.</param>
/// <param name="Draws">Draws of all random keys together, each with every combination of the grid; at least 1.</param>
public sealed record SearchSpace(IReadOnlyList<GridAxis> Grid, IReadOnlyList<RandomAxis> Random, int Draws = 1)
{
    private const long DrawStream = 11;

    /// <summary>The combinations, each once, in a fixed order.</summary>
    /// <param name="seed">Names the draws.</param>
    /// <exception cref="ArgumentException">A key stands twice, or there are no draws.</exception>
    public IReadOnlyList<IReadOnlyList<Setting>> Combinations(long seed = 0)
    {
        string[] keys = [.. Grid.Select(axis => axis.Key), .. Random.Select(axis => axis.Key)];
        if (keys.GroupBy(key => key).FirstOrDefault(group => group.Count() > 1) is { Key: var twice })
            throw new ArgumentException($"The sweep names {twice} twice; give all its values at once.");
        if (Draws < 1) throw new ArgumentException($"The sweep draws {Draws} times; give --trials at least 1.");

        List<IReadOnlyList<Setting>> combinations = [[]];
        foreach (GridAxis axis in Grid)
            combinations = [.. combinations.SelectMany(_ => axis.Values.Distinct(),
                (done, value) => (IReadOnlyList<Setting>)[.. done, new Setting(axis.Key, value)])];
        if (Random.Count == 0) return combinations;

        Rng rng = new Rng(seed).Derive(DrawStream);
        List<Setting[]> draws = [];
        for (int i = 0; i < Draws; i++) draws.Add([.. Random.Select(axis => new Setting(axis.Key, axis.Distribution.Draw(rng)))]);
        return [.. combinations.SelectMany(_ => draws, (done, drawn) => (IReadOnlyList<Setting>)[.. done, .. drawn])];
    }
}
