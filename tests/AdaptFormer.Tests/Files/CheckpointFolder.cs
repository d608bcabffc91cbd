using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using Xunit;

namespace AdaptFormer.Tests.Files;

/// <summary>
/// Reads every checkpoint of a folder, whatever its name: what begins with <c>malicious</c>, <c>corrupt</c> or <c>bad</c> has to be refused, a
/// file with <c>NAME.expected.safetensors</c> beside it has to hold exactly that, and any other has to be readable.
/// </summary>
internal static class CheckpointFolder
{
    private const string Expected = ".expected.safetensors";
    private static readonly string[] Refused = ["malicious", "corrupt", "bad"], Beside = ["check/", "momentum_buffer/"];

    /// <summary>The folder of which a run of the tests reads all checkpoints; null where <c>ADAPTFORMER_FIXTURES</c> names one without any.</summary>
    public static string? Given
    {
        get
        {
            string root = Environment.GetEnvironmentVariable("ADAPTFORMER_FIXTURES") is { Length: > 0 } given ? given : Path.Combine(AppContext.BaseDirectory, "Fixtures");
            string folder = Path.Combine(root, "checkpoints");
            return Directory.Exists(folder) ? folder : null;
        }
    }

    /// <summary>The checkpoints, by name.</summary>
    public static IEnumerable<string> Names(string folder) =>
        Directory.GetFiles(folder).Select(path => Path.GetFileName(path)).Where(name => !name.EndsWith(Expected, StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    /// <summary>Holds one of them to what its name and its neighbour promise.</summary>
    public static void Check(string folder, string name)
    {
        string path = Path.Combine(folder, name), expected = Path.Combine(folder, Path.GetFileNameWithoutExtension(name) + Expected);
        if (Refused.Any(kind => name.StartsWith(kind, StringComparison.Ordinal)))
        {
            Assert.StartsWith(path, Assert.Throws<InvalidDataException>(() => WeightsFile.Open(path)).Message, StringComparison.Ordinal);
            return;
        }

        using WeightsFile file = WeightsFile.Open(path);
        Assert.NotEmpty(file.Entries);
        if (!File.Exists(expected)) return;
        using WeightsFile promised = WeightsFile.Open(expected);
        string[] names = [.. promised.Entries.Keys.Where(key => !Beside.Any(part => key.StartsWith(part, StringComparison.Ordinal)))];
        Assert.NotEmpty(names);
        if (names.All(key => file.Entries.ContainsKey(Own(key))))
        {
            Assert.All(names, key => WeightsAssert.SameTensor(promised, key, file, Own(key)));
            return;
        }

        // The same weights under other names: converted to those of the neighbour.
        using TestFolder scratch = new();
        StateDict theirs = new();
        foreach (string key in names) theirs.Add(key, new StateDict.Weight(promised.Get(key).Shape, destination => WeightsAssert.Floats(promised, key).CopyTo(destination)));
        CheckpointConverter.Convert(path, scratch.PathOf("converted.safetensors"), NameMaps.All.MaxBy(map => map.Hits(theirs))!);
        using WeightsFile converted = WeightsFile.Open(scratch.PathOf("converted.safetensors"));
        Assert.All(names, key => WeightsAssert.SameTensor(promised, key, converted, key));
    }

    // The expected values of a whole training say which of them are the model's.
    private static string Own(string key) => key.StartsWith("model/", StringComparison.Ordinal) ? key["model/".Length..] : key;
}
