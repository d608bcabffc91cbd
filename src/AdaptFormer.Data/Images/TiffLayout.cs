using BitMiracle.LibTiff.Classic;

namespace AdaptFormer.Data.Images;

/// <summary>How a TIFF page keeps its pixels.</summary>
/// <param name="Name">What error messages call the file.</param>
/// <param name="Width">Pixels per row.</param>
/// <param name="Height">Number of rows.</param>
/// <param name="Bits">Bits a sample: 1, 2, 4, 8 or 16.</param>
/// <param name="Samples">Samples a pixel, transparency and others included.</param>
/// <param name="Colors">What the first samples mean.</param>
/// <param name="Planes">Whether each sample has rows of its own.</param>
/// <param name="Palette">Three bytes a colour; empty without a palette.</param>
internal sealed record TiffLayout(
    string Name, int Width, int Height, int Bits, int Samples, Photometric Colors, bool Planes, byte[] Palette)
{
    private const int MaxSamples = 16, MaxPartBytes = 64 << 20;

    /// <summary>Reads the layout of the page that is open, and has JPEG inside converted to RGB.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or of a kind that is not read.</exception>
    public static TiffLayout Read(Tiff file, string name)
    {
        int width = Number(file, TiffTag.IMAGEWIDTH), height = Number(file, TiffTag.IMAGELENGTH);
        ImageErrors.CheckSize(name, "TIFF", width, height);
        (int bits, int samples) = (Number(file, TiffTag.BITSPERSAMPLE), Number(file, TiffTag.SAMPLESPERPIXEL));
        Photometric colors = (Photometric)Number(file, TiffTag.PHOTOMETRIC);
        if (colors == Photometric.YCBCR && (Compression)Number(file, TiffTag.COMPRESSION) == Compression.JPEG)
        {
            file.SetField(TiffTag.JPEGCOLORMODE, JpegColorMode.RGB);
            colors = Photometric.RGB;
        }

        bool planes = samples > 1 && (PlanarConfig)Number(file, TiffTag.PLANARCONFIG) == PlanarConfig.SEPARATE;
        int needed = colors switch { Photometric.RGB => 3, Photometric.SEPARATED => 4, _ => 1 };
        bool known = colors switch
        {
            Photometric.MINISBLACK or Photometric.MINISWHITE => bits is 1 or 2 or 4 or 8 or 16,
            Photometric.PALETTE => bits is 1 or 2 or 4 or 8 && samples == 1,
            Photometric.RGB => bits is 8 or 16,
            Photometric.SEPARATED => bits == 8,
            _ => false,
        };
        bool integers = file.GetField(TiffTag.SAMPLEFORMAT) is not { } format
            || (SampleFormat)format[0].ToInt() is SampleFormat.UINT or SampleFormat.VOID;
        if (!known || !integers || samples < needed || samples > MaxSamples || (bits < 8 && samples > 1))
        {
            throw ImageErrors.Bad(name, $"TIFF with {samples} samples of {bits} bits ({colors}{(integers ? "" : ", not plain integers")}), "
                + "which is not read; convert it to 8-bit RGB or gray, or to PNG.");
        }

        byte[] palette = colors == Photometric.PALETTE ? ReadPalette(file, bits, name) : [];
        return new TiffLayout(name, width, height, bits, samples, colors, planes, palette);
    }

    /// <summary>
    /// Makes sure that every strip or tile lies within the file, and that a tile is not larger than the memory that is taken for one.
    /// </summary>
    public void CheckParts(Tiff file, int fileBytes)
    {
        bool tiled = file.IsTiled();
        long[]? counts = Numbers(file, tiled ? TiffTag.TILEBYTECOUNTS : TiffTag.STRIPBYTECOUNTS);
        long[]? offsets = Numbers(file, tiled ? TiffTag.TILEOFFSETS : TiffTag.STRIPOFFSETS);
        if (offsets is null || offsets.Concat(counts ?? []).Any(number => number < 0 || number > fileBytes))
            throw ImageErrors.Bad(Name, "damaged TIFF header: strips or tiles lie outside the file; it may be truncated.");
        int size = tiled ? file.TileSize() : file.ScanlineSize();
        if (size <= 0 || size > MaxPartBytes)
            throw ImageErrors.Bad(Name, $"TIFF with {(tiled ? "tiles" : "rows")} of {size} bytes, which is not read.");
    }

    private static byte[] ReadPalette(Tiff file, int bits, string name)
    {
        FieldValue[] map = file.GetField(TiffTag.COLORMAP) ?? throw ImageErrors.Bad(name, "damaged TIFF header: the palette is missing.");
        byte[] palette = new byte[3 << bits];
        for (int c = 0; c < 3; c++)
        {
            ushort[] channel = map[c].ToUShortArray();
            for (int i = 0; i < 1 << bits; i++) palette[(i * 3) + c] = (byte)(channel[i] >> 8);
        }

        return palette;
    }

    private static int Number(Tiff file, TiffTag tag) => file.GetFieldDefaulted(tag)?[0].ToInt() ?? 0;

    private static long[]? Numbers(Tiff file, TiffTag tag) => file.GetField(tag)?[0].TolongArray();
}
