using System.Buffers.Binary;

namespace AdaptFormer.Data.Images;

/// <summary>
/// Reads a JPEG from start to end without making pixels of it, and refuses what libjpeg-turbo warns of: data that end early, codes
/// that do not exist, restart markers out of turn, scans that contradict each other. A decoder that hides those warnings and shows
/// made-up pixels becomes strict with it.
/// </summary>
/// <remarks>ITU-T T.81; sections F.2 (sequential) and G.2 (progressive) say how the scans are read.</remarks>
internal ref struct JpegCheck
{
    private const int CoefficientsPerBlock = 64, Superfluous = 8;      // bytes after a scan that a decoder has read ahead and drops

    private readonly ReadOnlySpan<byte> _data;
    private readonly string _name;
    private readonly JpegFrame _frame;
    private readonly JpegHuffmanTable?[] _dc = new JpegHuffmanTable?[4], _ac = new JpegHuffmanTable?[4];
    private readonly int[,] _known;      // lowest bit of each component's coefficients so far; -1: none
    private readonly ulong[][] _nonZero;      // of each block of a progressive picture, which coefficients are not 0
    private int _restartInterval;

    private JpegCheck(ReadOnlySpan<byte> data, JpegFrame frame, string name)
    {
        _data = data;
        (_frame, _name) = (frame, name);
        int components = frame.Components.Length;
        _known = new int[components, CoefficientsPerBlock];
        for (int i = 0; i < _known.Length; i++) _known[i / CoefficientsPerBlock, i % CoefficientsPerBlock] = -1;
        _nonZero = new ulong[components][];
        for (int c = 0; c < components && frame.IsProgressive; c++)
            _nonZero[c] = new ulong[frame.McusPerRow * frame.Components[c].H * frame.McuRows * frame.Components[c].V];
    }

    /// <summary>Checks a file.</summary>
    /// <param name="data">The file, without stray bytes between its segments.</param>
    /// <param name="frame">Its frame header.</param>
    /// <param name="name">What error messages call it.</param>
    /// <exception cref="InvalidDataException">Something is wrong.</exception>
    public static void Run(ReadOnlySpan<byte> data, JpegFrame frame, string name)
    {
        if (frame.IsArithmetic)
        {
            throw ImageErrors.Bad(name, "JPEG with arithmetic coding is read by libturbojpeg alone; install it "
                + $"({NativeImageLibraries.InstallTurboJpeg}), or save the picture anew.");
        }

        new JpegCheck(data, frame, name).Run();
    }

    private void Run()
    {
        JpegSegments segments = new(_data);
        int frames = 0;
        while (segments.Next())
        {
            switch (segments.Marker)
            {
                case JpegSegments.EndOfImage:
                    for (int c = 0; c < _frame.Components.Length; c++)
                    {
                        if (_known[c, 0] < 0) throw Bad($"the data of component {c + 1} are missing");
                    }

                    return;
                case JpegSegments.StartOfImage:
                    throw Bad("it has two starts (SOI)");
                case JpegSegments.HuffmanTables:
                    ReadTables(segments.Payload);
                    break;
                case JpegSegments.RestartInterval:
                    if (segments.Payload.Length != 2) throw Bad("the restart interval has a wrong length");
                    _restartInterval = BinaryPrimitives.ReadUInt16BigEndian(segments.Payload);
                    break;
                case JpegSegments.StartOfScan:
                    segments.At = Scan(segments.Payload, segments.At);
                    break;
                default:
                    if (segments.IsFrame && ++frames > 1) throw Bad("it has two frame headers (SOF)");
                    break;
            }
        }

        throw Bad("the end (EOI) is missing: the file is truncated");
    }

    private readonly void ReadTables(ReadOnlySpan<byte> dht)
    {
        while (dht.Length > 0)
        {
            int symbols = 0;
            for (int i = 1; i <= JpegHuffmanTable.MaxBits && i < dht.Length; i++) symbols += dht[i];
            if (dht.Length < 17 + symbols || symbols > 256 || (dht[0] & 15) > 3 || dht[0] > 0x1F) throw Bad("a Huffman table is damaged");
            (dht[0] < 16 ? _dc : _ac)[dht[0] & 15] = JpegHuffmanTable.Create(dht.Slice(1, 16), dht.Slice(17, symbols));
            dht = dht[(17 + symbols)..];
        }
    }

    /// <summary>Checks one scan.</summary>
    /// <returns>Where the marker after it is.</returns>
    private int Scan(ReadOnlySpan<byte> header, int at)
    {
        if (header.Length < 1 || header[0] is < 1 or > 4 || header.Length != 4 + (2 * header[0]))
            throw Bad("a scan header (SOS) has a wrong length");
        ScanPart[] parts = new ScanPart[header[0]];
        (int first, int last, int high, int low) = (header[^3], header[^2], header[^1] >> 4, header[^1] & 15);
        for (int i = 0; i < parts.Length; i++)
        {
            byte id = header[1 + (2 * i)], tables = header[2 + (2 * i)];
            int index = IndexOf(id);
            if (index < 0 || Array.Exists(parts[..i], part => part.Index == index))
                throw Bad($"a scan names component {id}, which does not exist or is there twice");
            JpegHuffmanTable? dc = Table(_dc, tables >> 4, first == 0 && high == 0, dc: true);
            JpegHuffmanTable? ac = Table(_ac, tables & 15, last > 0, dc: false);
            parts[i] = new ScanPart(index, _frame.Components[index], dc, ac);
        }

        CheckBand(parts, first, last, high, low);
        JpegScan scan = new(new JpegBits(_data, at), first, last, high);
        bool single = parts.Length == 1;
        (int width, int height) = single ? _frame.BlocksOf(parts[0].Component) : (_frame.McusPerRow, _frame.McuRows);
        long units = (long)width * height;
        int mcusPerRow = _frame.McusPerRow;
        for (long unit = 0; unit < units; unit++)
        {
            if (_restartInterval > 0 && unit > 0 && unit % _restartInterval == 0)
                scan.Restart(_data, (int)((unit / _restartInterval) - 1) & 7);
            (int row, int column) = ((int)(unit / width), (int)(unit % width));
            foreach (ScanPart part in parts)
            {
                int h = single ? 1 : part.Component.H, v = single ? 1 : part.Component.V;
                for (int b = 0; b < h * v; b++)
                {
                    if (!_frame.IsProgressive)
                    {
                        scan.Sequential(part.Dc!, part.Ac!);
                        continue;
                    }

                    int x = (column * h) + (b % h), y = (row * v) + (b / h);
                    scan.Progressive(part.Dc, part.Ac, ref _nonZero[part.Index][(y * mcusPerRow * part.Component.H) + x]);
                }
            }

            if (scan.Problem is not null) throw Bad(scan.Problem);
        }

        int marker = scan.End(out int superfluous);
        if (marker == _data.Length) throw Bad("the end (EOI) is missing: the file is truncated");
        if (superfluous >= Superfluous && _data[marker + 1] != JpegSegments.EndOfImage)
            throw Bad($"{superfluous} bytes too many at the end of a scan");
        return marker;
    }

    /// <summary>Which coefficients, and which of their bits, a scan may bring.</summary>
    private readonly void CheckBand(ScanPart[] parts, int first, int last, int high, int low)
    {
        if (!_frame.IsProgressive)
        {
            if (first != 0 || last != 63 || high != 0 || low != 0) throw Bad("a scan's parameters are those of a progressive picture");
        }
        else if (first > last || last > 63 || (first == 0 && last != 0) || (first > 0 && parts.Length > 1) || low > 13
            || (high != 0 && low != high - 1))
        {
            throw Bad("a progressive scan's parameters are impossible");
        }

        foreach (ScanPart part in parts)
        {
            if (_frame.IsProgressive && first > 0 && _known[part.Index, 0] < 0) throw Bad("the scan with the means is missing");
            for (int k = first; k <= last; k++)
            {
                if (high != Math.Max(0, _known[part.Index, k])) throw Bad("a progressive scan does not go on where the one before ended");
                _known[part.Index, k] = low;
            }
        }
    }

    private readonly JpegHuffmanTable? Table(JpegHuffmanTable?[] tables, int number, bool needed, bool dc)
    {
        if (!needed) return null;
        JpegHuffmanTable? table = number < tables.Length ? tables[number] : null;
        return table is not null && (!dc || table.FitsDc) ? table : throw Bad($"Huffman table {number} is missing or damaged");
    }

    private readonly int IndexOf(byte id)
    {
        for (int c = 0; c < _frame.Components.Length; c++)
        {
            if (_frame.Components[c].Id == id) return c;
        }

        return -1;
    }

    private readonly InvalidDataException Bad(string problem) => ImageErrors.Bad(_name, $"damaged JPEG data: {problem}.");

    private readonly record struct ScanPart(int Index, JpegComponent Component, JpegHuffmanTable? Dc, JpegHuffmanTable? Ac);
}
