namespace AdaptFormer.Data.Images;

/// <summary>
/// JPEG: by TurboJPEG where it is installed, which is fastest and reports damage; else by SkiaSharp, which carries the same library
/// and gives the same pixels, after <see cref="JpegCheck"/> has looked for the damage that it hides.
/// </summary>
internal sealed class JpegFormat : ImageFormat
{
    /// <summary>
    /// Scans that a picture may have. Real ones have about ten; thousands of them take minutes to decode. Skia's own limit is a little
    /// higher.
    /// </summary>
    public const int MaxScans = 90;

    public override string Name => "JPEG";

    public override IReadOnlyList<string> Extensions { get; } = [".jpg", ".jpeg", ".jpe", ".jfif"];

    public override bool Recognises(ReadOnlySpan<byte> data) => data.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]);

    public override ImageInfo Identify(ReadOnlySpan<byte> data, string name)
    {
        using JpegFile file = new(data);
        JpegFrame frame = JpegFrame.Read(file.Bytes, name);
        return new ImageInfo(this, frame.Width, frame.Height);
    }

    public override void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name) =>
        Decode(data, into, name, NativeImageLibraries.HasTurboJpeg);

    public override Orientation ReadOrientation(ReadOnlySpan<byte> data)
    {
        using JpegFile file = new(data);
        JpegSegments segments = new(file.Bytes);
        while (segments.Next() && segments.Marker is not (JpegSegments.StartOfScan or JpegSegments.EndOfImage))
        {
            if (segments.Marker == JpegSegments.Application1 && segments.Payload.StartsWith(Exif.Prefix))
                return Exif.Read(segments.Payload);
        }

        return Orientation.Normal;
    }

    /// <summary>Decodes with one or the other library.</summary>
    internal static void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name, bool turbo)
    {
        using JpegFile file = new(data);
        JpegFrame frame = JpegFrame.Read(file.Bytes, name);
        if (frame.IsProgressive && JpegFrame.CountScans(file.Bytes) > MaxScans)
            throw ImageErrors.Bad(name, $"damaged JPEG data: it has more than {MaxScans} scans.");
        if (turbo)
        {
            TurboJpeg.Decode(file.Bytes, into, name);
            return;
        }

        JpegCheck.Run(file.Bytes, frame, name);
        SkiaPictures.DecodeRows(file.Bytes, into, "JPEG", name, frame.Width, frame.Height);
    }
}
