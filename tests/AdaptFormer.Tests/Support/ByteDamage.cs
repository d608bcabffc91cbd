using AdaptFormer.Tensors;

namespace AdaptFormer.Tests.Support;

/// <summary>Damages bytes: bits, bytes, extreme numbers, digits, pieces that are doubled, moved or gone.</summary>
internal static class ByteDamage
{
    private static readonly byte[][] Extremes =
    [
        [0, 0], [0xFF, 0xFF], [0xFF, 0x7F], [0, 0x80], [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0x80],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0xFF, 0xD9], [0xFF, 0xDA], "-1"u8.ToArray(), "99999999999"u8.ToArray(), "\0"u8.ToArray(), "\n"u8.ToArray(), ","u8.ToArray(),
    ];

    /// <summary>A copy with one to four changes.</summary>
    /// <param name="bytes">The sound bytes.</param>
    /// <param name="rng">Names the changes.</param>
    /// <param name="from">Nothing before this is changed.</param>
    /// <param name="start">Half of the changes are ahead of this, where the structure is.</param>
    public static byte[] Some(byte[] bytes, Rng rng, int from = 0, int start = 64)
    {
        for (int changes = 1 + rng.NextInt(4); changes > 0; changes--) bytes = One(bytes, rng, from, rng.NextInt(2) == 0 ? start : int.MaxValue);
        return bytes;
    }

    /// <summary>A copy with one change in [<paramref name="from"/>, <paramref name="to"/>).</summary>
    public static byte[] One(byte[] bytes, Rng rng, int from = 0, int to = int.MaxValue)
    {
        to = Math.Min(to, bytes.Length);
        if (to <= from) return bytes.Length == 0 ? [(byte)rng.NextInt(256)] : [.. bytes];
        int at = from + rng.NextInt(to - from), length = Math.Min(1 + rng.NextInt(rng.NextInt(4) == 0 ? 64 : 8), bytes.Length - at);
        int other = rng.NextInt(bytes.Length - length + 1);
        byte[] changed = [.. bytes], extreme = Extremes[rng.NextInt(Extremes.Length)];
        switch (rng.NextInt(10))
        {
            case 0:
                changed[at] ^= (byte)(1 << rng.NextInt(8));
                return changed;
            case 1:
                changed[at] = (byte)rng.NextInt(256);
                return changed;
            case 2:
                changed[at] += (byte)(rng.NextInt(5) - 2);
                return changed;
            case 3:
                extreme.AsSpan(0, Math.Min(extreme.Length, bytes.Length - at)).CopyTo(changed.AsSpan(at));
                return changed;
            case 4:
                bytes.AsSpan(other, length).CopyTo(changed.AsSpan(at));
                return changed;
            case 5:
                return [.. bytes[..at], .. bytes.AsSpan(other, length), .. bytes[at..]];
            case 6:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 7:
                return [.. bytes[..at], .. extreme, .. bytes[at..]];
            case 8 when rng.NextInt(4) == 0:
                return bytes[..at];
            default:
                int digit = changed.AsSpan(at).IndexOfAnyInRange((byte)'0', (byte)'9');
                if (digit >= 0) changed[at + digit] = (byte)('0' + rng.NextInt(10));
                return changed;
        }
    }
}
