using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace AdaptFormer.Distributed;

/// <summary>
/// What all ranks of a training must have in common. It is compared before the first step and after every resume: gradients of
/// different models, epochs or data add up without any error, and mean nothing.
/// </summary>
public sealed class Agreement
{
    private readonly List<(string Name, string Value, Func<string, string, string>? Difference)> _facts = [];

    /// <summary>Adds a fact.</summary>
    /// <param name="name">What it is, for people: <c>the recipe</c>.</param>
    /// <param name="value">What this rank has.</param>
    /// <param name="difference">Tells how two values differ, where they are too long to be quoted; null quotes both.</param>
    public Agreement Add(string name, string value, Func<string, string, string>? difference = null)
    {
        _facts.Add((name, value, difference));
        return this;
    }

    /// <summary>Adds a fact that is too long to be sent; see <see cref="Digest"/>.</summary>
    /// <param name="name">What it is.</param>
    /// <param name="digest">Its digest.</param>
    public Agreement AddDigest(string name, string digest) => Add(name, digest, static (_, _) => "not the same");

    /// <summary>The digest of parts of a long fact.</summary>
    public static string Digest(IEnumerable<string> parts)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (string part in parts)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Compares the facts of all ranks.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <exception cref="DisagreementException">A rank has another value than rank 0; every fact that differs is named.</exception>
    /// <exception cref="ExchangeException">A rank does not answer.</exception>
    public void Require(Collective ranks)
    {
        if (ranks.Size == 1) return;
        string[][] all = [.. ranks.Gather(Encoding.UTF8.GetBytes(string.Join('\0', _facts.Select(fact => fact.Value))))
            .Select(bytes => Encoding.UTF8.GetString(bytes).Split('\0'))];
        List<string> problems = [];
        foreach ((int i, (string name, string value, Func<string, string, string>? difference)) in _facts.Index())
        {
            int other = Array.FindIndex(all, facts => facts.Length != _facts.Count || facts[i] != all[0][i]);
            if (other < 0) continue;
            string first = all[0][i], second = all[other].ElementAtOrDefault(i) ?? "nothing";
            problems.Add(difference is null
                ? $"{name}: {ranks.NameOf(0)} has {first}, {ranks.NameOf(other)} has {second}"
                : $"{name} of {ranks.NameOf(0)} and {ranks.NameOf(other)}: {difference(first, second)}");
        }

        if (problems.Count > 0)
            throw new DisagreementException(
                $"The {ranks.Size} processes were not given the same work, so they cannot train together: {string.Join("; ", problems)}.");
    }
}
