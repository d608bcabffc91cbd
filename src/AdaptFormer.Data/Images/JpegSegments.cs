using System.Buffers.Binary;

namespace AdaptFormer.Data.Images;

/// <summary>
/// Goes from marker to marker of a JPEG. The entropy-coded data after a start of scan is the caller's: <see cref="At"/> moves on.
/// </summary>
internal ref struct JpegSegments(ReadOnlySpan<byte> data)
{
    public const byte StartOfImage = 0xD8, EndOfImage = 0xD9, StartOfScan = 0xDA, QuantisationTables = 0xDB, HuffmanTables = 0xC4,
        RestartInterval = 0xDD, Baseline = 0xC0, Extended = 0xC1, Progressive = 0xC2, Application1 = 0xE1;

    private readonly ReadOnlySpan<byte> _data = data;

    /// <summary>Where the next marker is looked for.</summary>
    public int At { get; set; } = 2;

    /// <summary>The second byte of the marker found last.</summary>
    public byte Marker { get; private set; }

    /// <summary>What stands in its segment, without the two bytes of the length.</summary>
    public ReadOnlySpan<byte> Payload { get; private set; }

    /// <summary>Whether the marker found last starts a frame: SOF0 to SOF15 without DHT, JPG and DAC, whose numbers lie between.</summary>
    public readonly bool IsFrame => Marker is >= 0xC0 and <= 0xCF and not (HuffmanTables or 0xC8 or 0xCC);

    /// <summary>Goes to the next marker.</summary>
    /// <returns>False where there is none, or its segment reaches past the end.</returns>
    public bool Next()
    {
        while (At < _data.Length - 1 && _data[At] == 0xFF && _data[At + 1] == 0xFF) At++;      // fill bytes
        if (At >= _data.Length - 1 || _data[At] != 0xFF || _data[At + 1] == 0) return false;
        Marker = _data[At + 1];
        At += 2;
        Payload = default;
        if (Marker is 0x01 or (>= 0xD0 and <= 0xD9)) return true;      // markers without a segment
        if (At > _data.Length - 2) return false;
        int length = BinaryPrimitives.ReadUInt16BigEndian(_data[At..]);
        if (length < 2 || length > _data.Length - At) return false;
        Payload = _data.Slice(At + 2, length - 2);
        At += length;
        return true;
    }
}
