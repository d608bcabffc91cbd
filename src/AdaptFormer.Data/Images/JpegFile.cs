using System.Buffers;
using System.Buffers.Binary;

namespace AdaptFormer.Data.Images;

/// <summary>
/// Drops stray bytes between the segments ahead of a JPEG's pixels. Cameras and editors leave some; decoders skip them with a
/// warning, and that would hide a warning that matters. Files without stray bytes are not copied.
/// </summary>
internal ref struct JpegFile
{
    private const byte StartOfScan = 0xDA, EndOfImage = 0xD9;

    private readonly ReadOnlySpan<byte> _data;
    private byte[]? _copy;
    private int _copied;

    public JpegFile(ReadOnlySpan<byte> data)
    {
        _data = data;
        int kept = 0, at = 2;      // everything before kept is copied or dropped; at is where a marker should be
        while (at < _data.Length - 1)
        {
            int marker = NextMarker(at);
            if (marker < 0) break;
            if (marker > at)
            {
                Copy(kept, at);
                kept = marker;
            }

            byte id = _data[marker + 1];
            at = marker + 2;
            if (id is StartOfScan or EndOfImage) break;
            if (id is 0x01 or (>= 0xD0 and <= 0xD8)) continue;      // markers without a segment
            if (at > _data.Length - 2) break;
            at += BinaryPrimitives.ReadUInt16BigEndian(_data[at..]);
        }

        if (_copy is not null) Copy(kept, _data.Length);
    }

    /// <summary>The file without stray bytes; valid until <see cref="Dispose"/>.</summary>
    public readonly ReadOnlySpan<byte> Bytes => _copy is null ? _data : _copy.AsSpan(0, _copied);

    public readonly void Dispose()
    {
        if (_copy is not null) ArrayPool<byte>.Shared.Return(_copy);
    }

    /// <summary>
    /// Position of the first FF xx from <paramref name="at"/> on, where xx is neither 00 nor a fill byte FF; -1 if there is none.
    /// </summary>
    private readonly int NextMarker(int at)
    {
        for (; at < _data.Length - 1; at++)
        {
            if (_data[at] == 0xFF && _data[at + 1] is not (0 or 0xFF)) return at;
        }

        return -1;
    }

    private void Copy(int start, int end)
    {
        _copy ??= ArrayPool<byte>.Shared.Rent(_data.Length);
        _data[start..end].CopyTo(_copy.AsSpan(_copied));
        _copied += end - start;
    }
}
