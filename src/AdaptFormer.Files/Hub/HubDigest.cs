using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace AdaptFormer.Files.Hub;

/// <summary>What a file's bytes must hash to: SHA-256 of large files, git's blob id of small ones.</summary>
/// <param name="Algorithm"><c>sha256</c> or <c>git</c>.</param>
/// <param name="Hex">The digest, lower-case hexadecimal.</param>
public sealed record HubDigest(string Algorithm, string Hex)
{
    /// <summary>SHA-256 of the bytes.</summary>
    /// <exception cref="FormatException">It is no such digest.</exception>
    public static HubDigest Sha256(string hex) => new("sha256", Checked(hex, 64));

    /// <summary>Git's id of a blob: SHA-1 of <c>blob LENGTH\0</c> and the bytes.</summary>
    /// <exception cref="FormatException">It is no such digest.</exception>
    public static HubDigest GitBlob(string hex) => new("git", Checked(hex, 40));

    /// <summary>The digest of a file's bytes by the same algorithm.</summary>
    [SuppressMessage("Security", "CA5350", Justification = "Git names its blobs by SHA-1; large files, the weights, have SHA-256.")]
    public HubDigest Of(string path)
    {
        using FileStream stream = File.OpenRead(path);
        if (Algorithm == "sha256") return new HubDigest(Algorithm, Convert.ToHexStringLower(SHA256.HashData(stream)));
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(Encoding.ASCII.GetBytes($"blob {stream.Length}\0"));
        byte[] buffer = new byte[1 << 16];
        for (int read = stream.Read(buffer); read > 0; read = stream.Read(buffer)) hash.AppendData(buffer, 0, read);
        return new HubDigest(Algorithm, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private static string Checked(string hex, int length) =>
        hex.Length == length && hex.All(char.IsAsciiHexDigitLower)
            ? hex : throw new FormatException($"'{hex}' is no digest of {length} digits");
}
