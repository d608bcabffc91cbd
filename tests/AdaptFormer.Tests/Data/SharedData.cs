using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>Finds the real data that lies beside the repository on development machines: ADAPTFORMER_DATA, or <c>shared/data</c> in a folder above.</summary>
internal static class SharedData
{
    /// <summary>The path of a file or folder; the test is skipped, and says so, where the data are absent.</summary>
    public static string Require(string relative)
    {
        string? path = Roots().Select(root => Path.Combine(root, relative)).FirstOrDefault(Path.Exists);
        Assert.SkipWhen(path is null, $"{relative} is not here: set ADAPTFORMER_DATA to the folder that holds it.");
        return path!;
    }

    private static IEnumerable<string> Roots()
    {
        if (Environment.GetEnvironmentVariable("ADAPTFORMER_DATA") is { Length: > 0 } given) yield return given;
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            yield return Path.Combine(folder.FullName, "shared", "data");
    }
}
