namespace AdaptFormer.Tests.Files;

/// <summary>An empty folder of a test's own, removed afterwards.</summary>
internal sealed class TestFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("adaptformer-test-").FullName;

    /// <summary>A checkpoint of the folder that <c>ADAPTFORMER_FIXTURES</c> names, or of this repository where that folder has none of this name.</summary>
    public static string Fixture(string name)
    {
        string? root = Environment.GetEnvironmentVariable("ADAPTFORMER_FIXTURES");
        string given = string.IsNullOrEmpty(root) ? "" : Path.Combine(root, "checkpoints", name);
        return File.Exists(given) ? given : Path.Combine(AppContext.BaseDirectory, "Fixtures", "checkpoints", name);
    }

    /// <summary>A file of the data folder that is kept beside the repository, or null where there is none.</summary>
    public static string? Data(string relativePath)
    {
        if (Environment.GetEnvironmentVariable("ADAPTFORMER_DATA") is { Length: > 0 } folder) return IfExists(Path.Combine(folder, relativePath));
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (IfExists(Path.Combine(at.FullName, "shared", "data", relativePath)) is { } found) return found;
        }

        return null;

        static string? IfExists(string path) => File.Exists(path) ? path : null;
    }

    public string PathOf(string name) => Path.Combine(_path, name);

    public string Write(string name, ReadOnlySpan<byte> bytes)
    {
        File.WriteAllBytes(PathOf(name), bytes);
        return PathOf(name);
    }

    public string[] FileNames() => [.. Directory.EnumerateFileSystemEntries(_path).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
