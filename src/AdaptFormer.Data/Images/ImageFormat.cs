namespace AdaptFormer.Data.Images;

/// <summary>
/// A file format of single pictures: how it is recognised and how it is read. The formats that are built in stand in
/// <see cref="ImageFormats"/>; another one is a class of its own and a call of <see cref="ImageFormats.Add"/>. Safe for many threads.
/// </summary>
public abstract class ImageFormat
{
    /// <summary>What messages call the format, for example <c>JPEG</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Endings that its files usually have, with their dots, in lower case; they never decide what a file is.</summary>
    public abstract IReadOnlyList<string> Extensions { get; }

    /// <summary>Whether a file is of this format, by its first bytes.</summary>
    /// <param name="data">The whole file, or its beginning.</param>
    public abstract bool Recognises(ReadOnlySpan<byte> data);

    /// <summary>Reads the size from the header; decodes no pixels.</summary>
    /// <param name="data">The whole file.</param>
    /// <param name="name">What error messages call the file.</param>
    /// <exception cref="InvalidDataException">The header is damaged, or the picture is too large.</exception>
    public abstract ImageInfo Identify(ReadOnlySpan<byte> data, string name);

    /// <summary>Decodes the picture, of several the first.</summary>
    /// <param name="data">The whole file.</param>
    /// <param name="into">Receives size and pixels.</param>
    /// <param name="name">What error messages call the file.</param>
    /// <exception cref="InvalidDataException">The file is damaged or truncated, or the picture is too large.</exception>
    public abstract void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name);

    /// <summary>How the picture is to be shown; the normal one where the format, or the file, does not say.</summary>
    /// <param name="data">A file that was decoded.</param>
    public virtual Orientation ReadOrientation(ReadOnlySpan<byte> data) => Orientation.Normal;

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>What a file's header says of the picture inside.</summary>
/// <param name="Format">File format.</param>
/// <param name="Width">Pixels per row.</param>
/// <param name="Height">Number of rows.</param>
public readonly record struct ImageInfo(ImageFormat Format, int Width, int Height);
