using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace AdaptFormer.Serving;

/// <summary>
/// Which keys may ask which tasks. The file is a JSON object: each key, or <c>sha256:</c> and the hexadecimal digest of one, with the list
/// of its tasks; <c>*</c> stands for all of them.
/// </summary>
public sealed class ApiKeys
{
    private const string Hashed = "sha256:", All = "*";
    private readonly Dictionary<string, HashSet<string>> _tasks;

    private ApiKeys(Dictionary<string, HashSet<string>> tasks) => _tasks = tasks;

    /// <summary>Reads a file of keys.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not such a file; no key is told.</exception>
    public static ApiKeys Load(string path)
    {
        try
        {
            Dictionary<string, string[]>? read = JsonSerializer.Deserialize(
                File.ReadAllBytes(path), WireTypes.Default.DictionaryStringStringArray);
            if (read is not { Count: > 0 } || read.Any(entry => entry.Key.Length == 0 || entry.Value is null || entry.Value.Contains(null)))
                throw new InvalidDataException($"{path} holds no keys; expected {{ \"KEY\": [\"TASK\", …] }}, with \"*\" for all tasks.");
            return new ApiKeys(read.ToDictionary(entry => Digest(entry.Key), entry => entry.Value.ToHashSet()));
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new InvalidDataException(
                $"{path} holds no keys that can be read; expected {{ \"KEY\": [\"TASK\", …] }}, each key once.", e);
        }
    }

    /// <summary>The tasks of a key; null for a key that there is none of.</summary>
    internal IReadOnlySet<string>? TasksOf(string? key) =>
        key is null ? null : _tasks.GetValueOrDefault(Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(key))));

    /// <summary>Whether tasks of a key hold one.</summary>
    internal static bool Allow(IReadOnlySet<string> tasks, string task) => tasks.Contains(All) || tasks.Contains(task);

    /// <summary>Whether tasks of a key are all that there are.</summary>
    internal static bool AllowAll(IReadOnlySet<string> tasks) => tasks.Contains(All);

    // Keys are compared by their digests, so that the time that it takes tells nothing about them.
    private static string Digest(string key) => key.StartsWith(Hashed, StringComparison.Ordinal)
        ? key[Hashed.Length..].ToUpperInvariant() : Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}
