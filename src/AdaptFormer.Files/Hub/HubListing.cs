using System.Text.Json;

namespace AdaptFormer.Files.Hub;

/// <summary>A file of a model on the Hub, with what its content must be.</summary>
/// <param name="Name">Its name in the repository.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Digest">What its bytes must hash to.</param>
public sealed record HubFile(string Name, long Bytes, HubDigest Digest);

/// <summary>What the Hub says a model consists of, at one commit.</summary>
/// <param name="Commit">The commit that the revision stands for.</param>
/// <param name="Files">All its files.</param>
public sealed record HubListing(string Commit, IReadOnlyList<HubFile> Files)
{
    private static readonly string[] Descriptions = ["config.json", "preprocessor_config.json"];
    private static readonly string[] WeightEndings = [".safetensors", ".bin", ".pth", ".pt", ".npz"];
    private static readonly string[][] Choices = [["model.safetensors"], ["model.safetensors.index.json"], ["pytorch_model.bin"],
        ["pytorch_model.bin.index.json"]];

    /// <summary>Reads the Hub's answer to <c>api/models/…?blobs=true</c>.</summary>
    /// <param name="json">The answer.</param>
    /// <param name="source">Where it came from, for messages.</param>
    /// <exception cref="InvalidDataException">It is no such answer.</exception>
    public static HubListing Parse(ReadOnlyMemory<byte> json, string source)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            string commit = Text(document.RootElement, "sha");
            if (commit.Length != 40 || !commit.All(char.IsAsciiHexDigitLower)) throw new FormatException($"'{commit}' is no commit");
            return new HubListing(commit, [.. document.RootElement.GetProperty("siblings").EnumerateArray().Select(FileOf)]);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or OverflowException)
        {
            throw new InvalidDataException($"{source}: the answer does not describe a model: {BadFile.Shorten(JsonText.Explain(e))}", e);
        }
    }

    /// <summary>The files that loading needs: one set of weights (safetensors before pickles) and the descriptions beside it.</summary>
    /// <param name="wanted">A weights file to take instead; the model's own choice if null.</param>
    /// <exception cref="InvalidDataException">The model has no weights that can be read, several and no way to tell, or not the wanted
    /// one.</exception>
    public IReadOnlyList<HubFile> Needed(string? wanted = null)
    {
        List<HubFile> needed = [.. Files.Where(file => Descriptions.Contains(file.Name)), .. Weights(wanted)];
        foreach (HubFile file in needed)
        {
            if (file.Name.Length is 0 or > 255 || file.Name.StartsWith('.')
                || file.Name.Any(c => c is '/' or '\\' or ':' || char.IsControl(c)))
                throw new InvalidDataException(
                    $"The Hub names a file '{BadFile.Shorten(file.Name)}', which is no plain file name; it is not taken.");
        }

        return needed;
    }

    private IEnumerable<HubFile> Weights(string? wanted)
    {
        if (wanted is not null)
            return [Files.FirstOrDefault(file => file.Name == wanted)
                ?? throw new InvalidDataException($"The model has no file '{wanted}'; it has {Named(Files)}.")];
        foreach (string[] choice in Choices)
        {
            if (Files.FirstOrDefault(file => file.Name == choice[0]) is not { } first) continue;
            string stem = choice[0].Split('.')[0], ending = choice[0].Contains("safetensors", StringComparison.Ordinal)
                ? ".safetensors" : ".bin";
            bool sharded = choice[0].EndsWith(".index.json", StringComparison.Ordinal);
            return sharded
                ? [first, .. Files.Where(file => file.Name.StartsWith($"{stem}-", StringComparison.Ordinal)
                    && file.Name.EndsWith(ending, StringComparison.Ordinal))]
                : [first];
        }

        HubFile[] others = [.. Files.Where(file => !file.Name.Contains('/', StringComparison.Ordinal)
            && WeightEndings.Any(ending => file.Name.EndsWith(ending, StringComparison.Ordinal)))];
        return others.Length == 1
            ? others
            : throw new InvalidDataException(others.Length == 0
                ? $"The model has no weights that can be read (safetensors, PyTorch, NumPy); it has {Named(Files)}."
                : $"The model has several weights files: {Named(others)}; say which with --file.");
    }

    private static string Named(IReadOnlyList<HubFile> files) =>
        files.Count == 0
            ? "no files" : string.Join(", ", files.Take(12).Select(file => BadFile.Shorten(file.Name))) + (files.Count > 12 ? ", …" : "");

    private static HubFile FileOf(JsonElement file)
    {
        bool large = file.TryGetProperty("lfs", out JsonElement lfs) && lfs.ValueKind == JsonValueKind.Object;
        long bytes = (large ? lfs : file).GetProperty("size").GetInt64();
        if (bytes < 0) throw new FormatException("a file has a negative size");
        HubDigest digest = large
            ? HubDigest.Sha256(Text(lfs, "sha256")) : HubDigest.GitBlob(Text(file, "blobId"));
        return new HubFile(Text(file, "rfilename"), bytes, digest);
    }

    private static string Text(JsonElement section, string name) =>
        section.GetProperty(name).GetString() ?? throw new FormatException($"'{name}' is null");
}
