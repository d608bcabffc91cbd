using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace AdaptFormer.Data.Images;

/// <summary>One colour component of a JPEG frame.</summary>
/// <param name="Id">What scans call it.</param>
/// <param name="H">Horizontal sampling factor, 1 to 4.</param>
/// <param name="V">Vertical sampling factor, 1 to 4.</param>
internal readonly record struct JpegComponent(byte Id, int H, int V);

/// <summary>Up to four components, in place.</summary>
[InlineArray(4)]
internal struct JpegComponents
{
    private JpegComponent _first;
}

/// <summary>The frame header of a JPEG: size, components and how they are coded.</summary>
internal readonly struct JpegFrame
{
    private readonly JpegComponents _components;
    private readonly int _count, _maxH, _maxV;

    private JpegFrame(byte marker, int width, int height, JpegComponents components, int count)
    {
        (Marker, Width, Height, _components, _count) = (marker, width, height, components, count);
        foreach (JpegComponent c in Components) (_maxH, _maxV) = (Math.Max(_maxH, c.H), Math.Max(_maxV, c.V));
    }

    /// <summary>The SOF marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, 0xC9 and 0xCA with arithmetic coding.</summary>
    public byte Marker { get; }

    /// <summary>Pixels per row.</summary>
    public int Width { get; }

    /// <summary>Number of rows.</summary>
    public int Height { get; }

    /// <summary>1 for gray, 3 for colour, 4 for CMYK.</summary>
    [UnscopedRef]
    public ReadOnlySpan<JpegComponent> Components => ((ReadOnlySpan<JpegComponent>)_components)[.._count];

    public bool IsProgressive => Marker is JpegSegments.Progressive or 0xCA;

    public bool IsArithmetic => Marker is 0xC9 or 0xCA;

    /// <summary>Units of one or several blocks that the scans of all components are made of, per row.</summary>
    public int McusPerRow => DivideUp(Width, 8 * _maxH);

    /// <summary>Rows of such units.</summary>
    public int McuRows => DivideUp(Height, 8 * _maxV);

    /// <summary>Blocks of 8 x 8 samples of a component that carry pixels, per row and rows of them.</summary>
    public (int PerRow, int Rows) BlocksOf(JpegComponent c) =>
        (DivideUp(DivideUp(Width * c.H, _maxH), 8), DivideUp(DivideUp(Height * c.V, _maxV), 8));

    /// <summary>Reads the frame header.</summary>
    /// <param name="data">The file, without stray bytes between its segments.</param>
    /// <param name="name">What error messages call it.</param>
    /// <exception cref="InvalidDataException">There is none, it is damaged, of a kind that is not read, or promises more than the file can
    /// hold.</exception>
    public static JpegFrame Read(ReadOnlySpan<byte> data, string name)
    {
        JpegSegments segments = new(data);
        while (segments.Next() && segments.Marker is not (JpegSegments.StartOfScan or JpegSegments.EndOfImage))
        {
            if (segments.Marker == JpegSegments.StartOfImage) throw ImageErrors.Bad(name, "damaged JPEG header: it has two starts (SOI).");
            if (segments.IsFrame) return Read(segments.Marker, segments.Payload, data.Length, name);
        }

        throw ImageErrors.Bad(name, "damaged JPEG header: there is no frame header (SOF) ahead of the pixels.");
    }

    /// <summary>Number of scans: of their markers, which the data between them cannot hold.</summary>
    public static int CountScans(ReadOnlySpan<byte> data)
    {
        JpegSegments segments = new(data);
        while (segments.Next())
        {
            if (segments.Marker == JpegSegments.StartOfScan)
                return 1 + data[segments.At..].Count((ReadOnlySpan<byte>)[0xFF, JpegSegments.StartOfScan]);
        }

        return 0;
    }

    private static JpegFrame Read(byte marker, ReadOnlySpan<byte> sof, int fileBytes, string name)
    {
        if (marker is not (JpegSegments.Baseline or JpegSegments.Extended or JpegSegments.Progressive or 0xC9 or 0xCA))
            throw ImageErrors.Bad(name, $"JPEG of a rare kind (SOF{marker & 15}), which is not read; save it as baseline JPEG or PNG.");
        if (sof.Length < 6 || sof.Length != 6 + (3 * sof[5]))
            throw ImageErrors.Bad(name, "damaged JPEG header: the frame header has a wrong length.");
        if (sof[0] != 8) throw ImageErrors.Bad(name, $"JPEG with {sof[0]} bits a sample, which is not read; save it with 8 bits.");
        (int height, int width) = (BinaryPrimitives.ReadUInt16BigEndian(sof[1..]), BinaryPrimitives.ReadUInt16BigEndian(sof[3..]));
        ImageErrors.CheckSize(name, "JPEG", width, height);
        bool usual = sof[5] is 1 or 3 or 4;
        JpegComponents components = default;
        for (int c = 0, at = 6; usual && c < sof[5]; c++, at += 3)
        {
            components[c] = new JpegComponent(sof[at], sof[at + 1] >> 4, sof[at + 1] & 15);
            usual = components[c] is { H: >= 1 and <= 4, V: >= 1 and <= 4 };
        }

        if (!usual) throw ImageErrors.Bad(name, $"damaged JPEG header: {sof[5]} components, or impossible sampling factors.");
        JpegFrame frame = new(marker, width, height, components, sof[5]);
        long blocks = 0;
        foreach (JpegComponent c in frame.Components) blocks += (long)frame.BlocksOf(c).PerRow * frame.BlocksOf(c).Rows;
        if (!frame.IsArithmetic && blocks > 8L * fileBytes) throw ImageErrors.Truncated(name, "JPEG");
        return frame;
    }

    private static int DivideUp(int a, int b) => (a + b - 1) / b;
}
