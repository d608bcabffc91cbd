using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace AdaptFormer.Data;

/// <summary>Names what the records of a set of shards were made of: a SHA-256 digest of texts.</summary>
/// <param name="Low">The first half of the digest.</param>
/// <param name="High">The second half.</param>
public readonly record struct ShardKey(UInt128 Low, UInt128 High)
{
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
