using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>
/// A fingerprint of weights that ignores how they are stored: SHA-256 over name, shape and f32 elements of every tensor, in ordinal order
/// of our names.
/// </summary>
public static class BackboneDigest
{
    /// <summary>The fingerprint of a backbone's weights; its head is left out, because every task has its own.</summary>
    /// <param name="ours">Weights under our names.</param>
    /// <returns><c>sha256:</c> and 64 hexadecimal digits.</returns>
    public static string Of(StateDict ours)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((string name, StateDict.Weight weight) in ours.Weights.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            if (name.StartsWith("head.", StringComparison.Ordinal)) continue;
            AppendLabel(hash, name, weight.Shape);
            AppendElements(hash, weight);
        }

        return $"sha256:{Convert.ToHexStringLower(hash.GetHashAndReset())}";
    }

    // Name, 0, rank, axes: no two different lists of tensors give the same bytes.
    private static void AppendLabel(IncrementalHash hash, string name, Shape shape)
    {
        byte[] label = new byte[Encoding.UTF8.GetByteCount(name) + 1 + (sizeof(int) * (1 + shape.Rank))];
        int at = Encoding.UTF8.GetBytes(name, label) + 1;
        BinaryPrimitives.WriteInt32LittleEndian(label.AsSpan(at), shape.Rank);
        foreach (int dim in shape.Dims) BinaryPrimitives.WriteInt32LittleEndian(label.AsSpan(at += sizeof(int)), dim);
        hash.AppendData(label);
    }

    private static unsafe void AppendElements(IncrementalHash hash, StateDict.Weight weight)
    {
        if (weight.Mapped is not { } mapped || !BitConverter.IsLittleEndian)
        {
            float[] values = weight.ToArray();
            if (!BitConverter.IsLittleEndian)
            {
                Span<int> bits = MemoryMarshal.Cast<float, int>(values.AsSpan());
                BinaryPrimitives.ReverseEndianness(bits, bits);
            }

            hash.AppendData(MemoryMarshal.AsBytes(values.AsSpan()));
            return;
        }

        mapped.Release();       // throws when the file was closed, before its memory is read
        const int Piece = 1 << 24;
        long bytes = weight.Shape.Length * sizeof(float);
        for (long at = 0; at < bytes; at += Piece)
            hash.AppendData(new ReadOnlySpan<byte>((byte*)mapped.Pointer + at, (int)Math.Min(Piece, bytes - at)));
        mapped.Release();
        GC.KeepAlive(mapped.Owner);
    }
}
