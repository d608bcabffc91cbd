namespace AdaptFormer.Data.Images;

/// <summary>Netpbm graymaps and pixmaps, as text (P2, P3) or bytes (P5, P6); samples are scaled from the file's maximum to 255.</summary>
internal sealed class PnmFormat : ImageFormat
{
    public override string Name => "PNM";

    public override IReadOnlyList<string> Extensions { get; } = [".ppm", ".pgm", ".pnm"];

    public override bool Recognises(ReadOnlySpan<byte> data) =>
        data.Length > 2 && data[0] == 'P' && data[1] is (byte)'2' or (byte)'3' or (byte)'5' or (byte)'6';

    public override ImageInfo Identify(ReadOnlySpan<byte> data, string name)
    {
        Header header = ReadHeader(data, name);
        return new ImageInfo(this, header.Width, header.Height);
    }

    public override void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name)
    {
        Header header = ReadHeader(data, name);
        (bool text, int channels) = (header.Kind <= '3', header.Kind is '3' or '6' ? 3 : 1);
        int sampleBytes = header.Max > 255 ? 2 : 1, pixels = header.Width * header.Height;
        long samples = (long)pixels * channels;
        if (!text && data.Length - header.End < samples * sampleBytes)
            throw ImageErrors.Bad(
                name, $"the P{header.Kind} file is truncated: {samples * sampleBytes} bytes of pixels expected, "
                    + $"{data.Length - header.End} there.");
        if (text && data.Length - header.End < samples)      // every sample takes at least a digit
            throw ImageErrors.Bad(name, $"the P{header.Kind} file is truncated: {samples} numbers expected.");

        into.Reset(header.Width, header.Height);
        Span<byte> rgb = into.Pixels;
        int at = header.End;
        for (int i = 0; i < pixels; i++)
        {
            for (int c = 0; c < channels; c++)
            {
                int value;
                if (text)
                {
                    value = Number(data, ref at, name);
                }
                else
                {
                    value = sampleBytes == 1 ? data[at] : (data[at] << 8) | data[at + 1];
                    at += sampleBytes;
                }

                if (value > header.Max)
                    throw ImageErrors.Bad(name, $"sample {value} is larger than the maximum {header.Max} of the header.");
                rgb[(i * 3) + c] = header.Max == 255 ? (byte)value : (byte)(((value * 255) + (header.Max / 2)) / header.Max);
            }

            if (channels == 1) rgb[(i * 3) + 1] = rgb[(i * 3) + 2] = rgb[i * 3];
        }
    }

    private static Header ReadHeader(ReadOnlySpan<byte> data, string name)
    {
        int at = 2;
        int width = Number(data, ref at, name), height = Number(data, ref at, name), max = Number(data, ref at, name);
        ImageErrors.CheckSize(name, "PNM", width, height);
        if (max is < 1 or > 65535) throw ImageErrors.Bad(name, $"the largest sample value is {max}; 1 to 65535 are possible.");
        return new Header((char)data[1], width, height, max, at + 1);       // exactly one white-space character precedes the pixels
    }

    /// <summary>The next decimal number; white space and comments (# to the end of the line) before it are skipped.</summary>
    private static int Number(ReadOnlySpan<byte> data, ref int at, string name)
    {
        while (at < data.Length && (data[at] <= ' ' || data[at] == '#'))
        {
            if (data[at] == '#') while (at < data.Length && data[at] != '\n') at++;
            at++;
        }

        int start = at;
        long value = 0;
        for (; at < data.Length && char.IsAsciiDigit((char)data[at]) && value <= int.MaxValue; at++) value = (value * 10) + data[at] - '0';
        if (at == start || value > int.MaxValue) throw ImageErrors.Bad(name, $"a number was expected at byte {start} of the PNM file.");
        return (int)value;
    }

    private readonly record struct Header(char Kind, int Width, int Height, int Max, int End);
}
