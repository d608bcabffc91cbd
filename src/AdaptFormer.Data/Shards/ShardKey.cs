using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using AdaptFormer.Data.Datasets;

namespace AdaptFormer.Data.Shards;

/// <summary>Names what the records of a set of shards were made of: halves of SHA-256 digests.</summary>
/// <param name="Low">Of the list of items, in their order, and the settings.</param>
/// <param name="High">Of what their files are.</param>
public readonly record struct ShardKey(UInt128 Low, UInt128 High)
{
    /// <summary>The key of a data set's items.</summary>
    /// <param name="data">The items.</param>
    /// <param name="settings">What is made of them, and how.</param>
    /// <param name="byContent">Whether files are known by their whole content, which takes reading them; otherwise by their length and the
    /// time of their last change.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    internal static ShardKey Of(LabelledDataset data, string settings, bool byContent)
    {
        IEnumerable<int> items = Enumerable.Range(0, data.Count);
        return new ShardKey(Of(items.Select(data.Source).Prepend(settings)).Low, Of(States(data, byContent)).High);
    }

    private static IEnumerable<string> States(LabelledDataset data, bool byContent)
    {
        (string file, string state) = ("", "");
        for (int i = 0; i < data.Count; i++)
        {
            if (data.IsThere(i) && data.FileOf(i) is var next && next != file)      // one file may hold many items
                (file, state) = (next, byContent ? string.Join(' ', data.FilesOf(i).Select(Digest)) : data.StateOf(i).ToString());
            yield return data.IsThere(i) ? state : "";
        }
    }

    private static string Digest(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        return Convert.ToHexString(SHA256.HashData(file));
    }

    /// <summary>The key of these texts, in this order.</summary>
    public static ShardKey Of(IEnumerable<string> texts)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[sizeof(int)];
        byte[] utf8 = new byte[1024];
        foreach (string text in texts)
        {
            int most = Encoding.UTF8.GetMaxByteCount(text.Length);
            if (utf8.Length < most) utf8 = new byte[most * 2];
            int bytes = Encoding.UTF8.GetBytes(text, utf8);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes);
            hash.AppendData(length);
            hash.AppendData(utf8, 0, bytes);
        }

        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        return new ShardKey(BinaryPrimitives.ReadUInt128LittleEndian(digest), BinaryPrimitives.ReadUInt128LittleEndian(digest[16..]));
    }
}
