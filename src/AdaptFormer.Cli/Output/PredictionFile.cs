using System.Text;
using AdaptFormer.Files;

namespace AdaptFormer.Cli.Output;

/// <summary>
/// Predictions in a file: CSV (RFC 4180, with a header) or JSON Lines, as the file's name ends. It is written when all are there, whole or
/// not at all.
/// </summary>
internal sealed class PredictionFile
{
    private static readonly string[] JsonEndings = [".jsonl", ".ndjson"];

    private readonly string _path;
    private readonly bool _json;
    private readonly StringBuilder _text = new();

    /// <summary>An empty file.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="option">The option that named it, for messages.</param>
    /// <param name="columns">The header of a CSV.</param>
    /// <exception cref="ArgumentException">The name ends otherwise.</exception>
    public PredictionFile(string path, string option, params IEnumerable<string> columns)
    {
        string ending = Path.GetExtension(path).ToLowerInvariant();
        _json = JsonEndings.Contains(ending);
        if (!_json && ending != ".csv") throw new ArgumentException($"{option} is {path}; expected a name that ends in .csv or .jsonl.");
        _path = path;
        if (!_json) Line(columns);
    }

    /// <summary>How many items it holds.</summary>
    public int Count { get; private set; }

    /// <summary>Adds an item.</summary>
    /// <param name="json">It as one line of JSON.</param>
    /// <param name="cells">It as cells of a CSV; null is an empty cell.</param>
    public void Add(string json, params IEnumerable<string?> cells)
    {
        Count++;
        if (_json) _text.Append(json).Append('\n');
        else Line(cells);
    }

    /// <summary>Writes it.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save()
    {
        if (Path.GetDirectoryName(Path.GetFullPath(_path)) is { } folder) Disk.CreateFolder(folder);
        AtomicFile.WriteAllText(_path, _text.ToString());
    }

    private void Line(IEnumerable<string?> cells) => _text.AppendJoin(',', cells.Select(cell => Quoted(cell ?? ""))).Append("\r\n");

    private static string Quoted(string cell) =>
        cell.AsSpan().ContainsAny(",\"\r\n") || cell != cell.Trim() ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell;
}
