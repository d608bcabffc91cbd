namespace AdaptFormer.Data;

/// <summary>The parts that the folder of a kind of data holds.</summary>
/// <param name="Names">What they are called.</param>
/// <param name="Train">The one that trains when none is named.</param>
/// <param name="Test">The one that tests when none is named.</param>
internal sealed record DatasetParts(IReadOnlyList<string> Names, string Train, string Test)
{
    /// <summary>Reads <c>folder</c>, <c>folder#part</c> or <c>folder#part+part</c>.</summary>
    /// <exception cref="ArgumentException">There is no such part.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public (string Folder, string[] Parts) Read(string kind, string path, bool train)
    {
        int mark = path.LastIndexOf('#');
        string folder = mark < 0 ? path : path[..mark];
        string[] parts = mark < 0 ? [train ? Train : Test] : path[(mark + 1)..].Split('+');
        string? unknown = Array.Find(parts, part => !Names.Contains(part));
        if (unknown is not null) throw new ArgumentException($"Data '{kind}:{path}': there is no part '{unknown}'; its parts: {string.Join(", ", Names)}.", nameof(path));
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"There is no folder '{folder}'; {kind} is read from the folder that its archive unpacks to.");
        return (folder, parts);
    }
}
